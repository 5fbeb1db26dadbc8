//! Tokens that live for an hour, where they come from, and which of them are accepted.
//!
//! A token names the minute in which it was issued, so that issuer and service agree without a word.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use everblob_host::address::StreamAddress;
use everblob_host::credential::{Credential, Kind, Origin, Secret, Source};
use tempfile::TempDir;

use crate::clock::Clock;
use crate::endpoint::Endpoint;

/// How many minutes a token is accepted.
const LIFE: u64 = 60;
/// How often the token in the file is replaced, in seconds.
const FILE_LIFE: u64 = 45 * 60;
/// When all older tokens are revoked, in seconds. Between two replacements of either kind.
const REVOKED: [u64; 2] = [5 * 3600, 17 * 3600];
/// How many seconds later the file has another.
const FILE_LATE: u64 = 120;
/// Which request for a token finds the endpoint out of order, and for how many seconds: less than
/// the five minutes by which a token is replaced before its end.
const TROUBLE_BEGINS: usize = 8;
const TROUBLE: u64 = 200;

/// The token that is issued at a second.
fn token(second: u64) -> String {
    format!("token-{}", second / 60)
}

/// The tokens that are accepted at a second, and those of the minute to come, as the issuer may be
/// a second ahead.
pub(crate) fn accepted(second: u64) -> impl Iterator<Item = String> {
    let revoked = REVOKED.into_iter().rev().find(|at| *at <= second).unwrap_or(0) / 60;
    let minute = second / 60;
    let oldest = revoked.max((minute + 1).saturating_sub(LIFE));
    (oldest..=minute + 1).map(|minute| token(minute * 60))
}

/// A token that is accepted at a second.
pub(crate) fn credential(second: u64) -> Credential {
    Credential::Bearer(Secret::new(token(second)))
}

/// Whether tokens were revoked so lately that whoever fetches one may not have noticed.
pub(crate) fn are_revoked_lately(second: u64) -> bool {
    REVOKED.into_iter().any(|at| (at..at + 20).contains(&second))
}

/// What the endpoint did.
pub(crate) struct Tokens {
    pub(crate) asked: usize,
    pub(crate) issued: usize,
}

/// Issues tokens, by an endpoint and into a file.
pub(crate) struct Issuer {
    endpoint: Endpoint,
    issued: Arc<AtomicUsize>,
    folder: TempDir,
    /// When the token in the file was due.
    written: Cell<Option<u64>>,
}

impl Issuer {
    pub(crate) async fn start(clock: &Clock) -> Self {
        let morning = clock.at(0);
        let in_order_at = Mutex::new(None);
        let issued = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&issued);
        let endpoint = Endpoint::start(move |number| {
            let now = morning.elapsed().as_secs();
            let mut in_order_at = in_order_at.lock().unwrap();
            if number == TROUBLE_BEGINS {
                *in_order_at = Some(now + TROUBLE);
            }
            if in_order_at.is_some_and(|at| now < at) {
                return (503, "{}".into());
            }
            counter.fetch_add(1, Ordering::Relaxed);
            let text = token(now);
            (200, format!(r#"{{"access_token":"{text}","expires_in":{}}}"#, LIFE * 60))
        });
        let (endpoint, folder) = (endpoint.await, tempfile::tempdir().unwrap());
        let issuer = Self { endpoint, issued, folder, written: Cell::new(None) };
        issuer.keep_file(0);
        issuer
    }

    pub(crate) fn figures(&self) -> Tokens {
        let issued = self.issued.load(Ordering::Relaxed);
        Tokens { asked: self.endpoint.asked().len(), issued }
    }

    /// A service principal.
    pub(crate) async fn principal(&self, clock: &Clock, address: &StreamAddress) -> Source {
        let _running = clock.run();
        let variables = [
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "secret"),
            ("AZURE_AUTHORITY_HOST", &self.endpoint.url),
        ];
        match origin(address, Kind::ServicePrincipal, &variables) {
            Origin::Identity(tokens) => tokens.source().await.unwrap(),
            Origin::Known(_) => unreachable!("nothing else was set"),
        }
    }

    /// The file.
    pub(crate) fn file(&self, address: &StreamAddress) -> Source {
        let path = self.path();
        let variables = [("AZURE_STORAGE_BEARER_TOKEN_FILE", path.to_str().unwrap())];
        match origin(address, Kind::Token, &variables) {
            Origin::Known(source) => source,
            Origin::Identity(_) => unreachable!("nothing else was set"),
        }
    }

    /// Replaces the token in the file, if it is time to.
    pub(crate) fn keep_file(&self, second: u64) {
        let regular = second - second % FILE_LIFE;
        let late = REVOKED.into_iter().map(|at| at + FILE_LATE);
        let due = late.filter(|at| *at <= second).fold(regular, u64::max);
        if self.written.replace(Some(due)) != Some(due) {
            std::fs::write(self.path(), token(second)).unwrap();
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("token")
    }
}

fn origin(address: &StreamAddress, kind: Kind, variables: &[(&str, &str)]) -> Origin {
    let variable = |name: &str| {
        variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
    };
    Origin::choose(address, kind, &variable).unwrap()
}
