//! A credential that is kept up to date: read again from its file, or fetched again by its identity.
//!
//! Invariants: nothing here waits; one fetch is under way at a time; the credential in use stays
//! until there is another.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::token::{Fetcher, NoToken, Token};
use super::{Credential, read_token};

/// How often a credential in a file is read again.
const FILE_INTERVAL: Duration = Duration::from_secs(10);
/// How often is looked whether a fetch is done.
const FETCH_TICK: Duration = Duration::from_millis(50);
/// When is asked again after a fetch that failed.
const FAILED_PAUSE: Duration = Duration::from_secs(30);
/// However short a token lives.
const USE_MIN: Duration = Duration::from_secs(1);

/// A credential and, if it is renewed, how.
pub struct Source {
    credential: Credential,
    renewal: Renewal,
}

enum Renewal {
    Never,
    File { file: PathBuf, due: Instant },
    Identity(Fetching),
}

struct Fetching {
    fetcher: Fetcher,
    due: Instant,
    under_way: Option<oneshot::Receiver<Result<Token, NoToken>>>,
    failure: Option<NoToken>,
}

impl Source {
    pub(super) fn of_file(credential: Credential, file: PathBuf) -> Self {
        Self { credential, renewal: Renewal::File { file, due: Instant::now() + FILE_INTERVAL } }
    }

    pub(super) fn of_identity(fetcher: Fetcher, token: Token) -> Self {
        let due = Instant::now() + token.replace_after.max(USE_MIN);
        let fetching = Fetching { fetcher, due, under_way: None, failure: None };
        let credential = Credential::Bearer(token.secret);
        Self { credential, renewal: Renewal::Identity(fetching) }
    }

    /// The credential as it was read or fetched last.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// When to call [`Self::renew`], if the credential is renewed at all.
    pub fn due(&self) -> Option<Instant> {
        match &self.renewal {
            Renewal::Never => None,
            Renewal::File { due, .. } => Some(*due),
            Renewal::Identity(fetching) => Some(fetching.due),
        }
    }

    /// Reads the file again, begins a fetch that is due, takes what was fetched. Answers the
    /// credential if it is a new one.
    ///
    /// A file that cannot be read, as in the middle of a replacement, counts as unchanged.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, when an identity has to fetch.
    pub fn renew(&mut self) -> Option<&Credential> {
        let token = match &mut self.renewal {
            Renewal::Never => return None,
            Renewal::File { file, due } => {
                *due = Instant::now() + FILE_INTERVAL;
                read_token(file).ok()?
            }
            Renewal::Identity(fetching) => fetching.step()?,
        };
        let credential = Credential::Bearer(token);
        if credential == self.credential {
            return None;
        }
        self.credential = credential;
        Some(&self.credential)
    }

    /// To be called when the service refused the credential: begins to fetch another, and tells
    /// whether one is on its way. One in a file is only read again by [`Self::renew`].
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn refused(&mut self) -> bool {
        let Renewal::Identity(fetching) = &mut self.renewal else { return false };
        if fetching.under_way.is_none() {
            fetching.begin();
        }
        true
    }

    /// Whether a new credential is being fetched.
    pub fn is_fetching(&self) -> bool {
        matches!(&self.renewal, Renewal::Identity(fetching) if fetching.under_way.is_some())
    }

    /// Why the last fetch failed, if it did. No secret is in the text.
    pub fn failure(&self) -> Option<&str> {
        let Renewal::Identity(fetching) = &self.renewal else { return None };
        fetching.failure.as_ref().map(|failure| failure.why.as_str())
    }

    /// Whether there may be another credential later, though the service refuses this one and none
    /// is on its way: whoever writes the file is late, or whoever gives tokens cannot be reached.
    pub fn may_recover(&self) -> bool {
        match &self.renewal {
            Renewal::Never => false,
            Renewal::File { .. } => true,
            Renewal::Identity(fetching) => fetching.failure.as_ref().is_some_and(|it| it.passes),
        }
    }
}

impl Fetching {
    fn begin(&mut self) {
        let (done, under_way) = oneshot::channel();
        let fetcher = self.fetcher.clone();
        tokio::spawn(async move { done.send(fetcher.fetch().await) });
        self.under_way = Some(under_way);
        self.failure = None;
        self.due = Instant::now() + FETCH_TICK;
    }

    /// Begins a fetch if it is due, and answers what one has brought.
    fn step(&mut self) -> Option<super::Secret> {
        let now = Instant::now();
        let Some(under_way) = &mut self.under_way else {
            if now >= self.due {
                self.begin();
            }
            return None;
        };
        let fetched = match under_way.try_recv() {
            Ok(fetched) => fetched,
            Err(oneshot::error::TryRecvError::Empty) => {
                self.due = now + FETCH_TICK;
                return None;
            }
            Err(oneshot::error::TryRecvError::Closed) => {
                Err(NoToken { why: "the fetch was given up".into(), passes: false })
            }
        };
        self.under_way = None;
        match fetched {
            Ok(token) => {
                self.due = now + token.replace_after.max(USE_MIN);
                Some(token.secret)
            }
            Err(failure) => {
                tracing::warn!("the token is not renewed: {}", failure.why);
                self.due = now + FAILED_PAUSE;
                self.failure = Some(failure);
                None
            }
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.credential, f)
    }
}

impl From<Credential> for Source {
    fn from(credential: Credential) -> Self {
        Self { credential, renewal: Renewal::Never }
    }
}
