//! How a local store is set up.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use everblob::azure::sign::AccountKey;
use everblob::sim::service::Settings;

use crate::clock::WallClock;

const DEVELOPMENT_ACCOUNT: &str = "devstoreaccount1";
/// Public: every emulator has this account with this key.
const DEVELOPMENT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// What [`start`](super::start) needs to know. The default listens on a free loopback port and
/// keeps everything in memory.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder that keeps everything; it is made if it is not there. Else memory does.
    pub data: Option<PathBuf>,
    /// A file that gets one JSON line for each request.
    pub log: Option<PathBuf>,
    /// How many blocks an append blob or a block list may have, in place of 50,000.
    pub max_blocks: Option<u32>,
    /// The most entries on a page of List Blobs, in place of 5,000.
    pub page_limit: Option<u32>,
    /// Whether sealing changes the ETag, as the emulator has it.
    pub seal_changes_etag: bool,
    /// How far its clock is ahead of this machine's, in seconds; negative if it is behind.
    pub clock_offset: i64,
    /// The accounts.
    pub accounts: Vec<Account>,
    /// A bearer token to accept; without it all are refused.
    pub bearer_token: Option<Secret>,
    /// After how long a connection without a request is closed; never, if it does not say.
    pub idle_timeout: Option<Duration>,
    /// The clock that dates answers and by which signatures expire.
    pub wall_clock: WallClock,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: None,
            log: None,
            max_blocks: None,
            page_limit: None,
            seal_changes_etag: false,
            clock_offset: 0,
            accounts: vec![Account::development()],
            bearer_token: None,
            idle_timeout: None,
            wall_clock: WallClock::default(),
        }
    }
}

impl StoreOptions {
    pub(super) fn settings(&self) -> Settings {
        let defaults = Settings::default();
        Settings {
            max_blocks: self.max_blocks.unwrap_or(defaults.max_blocks),
            max_listed_blocks: self.max_blocks.unwrap_or(defaults.max_listed_blocks),
            page_limit: self.page_limit,
            seal_changes_etag: self.seal_changes_etag,
            ..defaults
        }
    }
}

/// A storage account. Its key never prints.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name, which is the first segment of its URLs.
    pub name: String,
    /// Its key.
    pub key: AccountKey,
}

impl Account {
    /// The account that every emulator has.
    ///
    /// # Panics
    /// Never: its key is a constant.
    pub fn development() -> Self {
        let key = AccountKey::from_base64(DEVELOPMENT_KEY).expect("the constant is base64");
        Self { name: DEVELOPMENT_ACCOUNT.to_owned(), key }
    }
}

/// A text that never prints.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_prints() {
        let bearer_token = Some(Secret("t0ken".into()));
        let shown = format!("{:?}", StoreOptions { bearer_token, ..StoreOptions::default() });
        assert!(shown.matches("[redacted]").count() == 2, "{shown}");
        assert!(!shown.contains("t0ken") && !shown.contains(&DEVELOPMENT_KEY[..8]), "{shown}");
    }
}
