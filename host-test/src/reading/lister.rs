//! Lists the streams of a container.
//!
//! Invariant: what is held is one page and the streams that it leaves incomplete, however many
//! blobs there are.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;

use super::entry::{Entry, Folding};
use super::request::Exchanges;
use super::{Error, listing};
use crate::address::ContainerAddress;
use crate::credential::Credential;
use crate::outgoing::Outgoing;

/// Lists the streams of one container, a page at a time.
pub struct Lister {
    exchanges: Exchanges,
    prefix: String,
    next: Next,
    folding: Folding,
}

/// Where the next page begins.
enum Next {
    First,
    Marker(String),
    Nowhere,
}

impl Lister {
    /// A lister of what has a name that begins with `prefix`. Trouble that passes is waited out for
    /// `patience`, for each page anew.
    pub fn new(
        outgoing: Arc<Outgoing>,
        address: ContainerAddress,
        prefix: String,
        credential: Credential,
        patience: Duration,
    ) -> Self {
        let exchanges = Exchanges::new(outgoing, address, credential, patience);
        Self { exchanges, prefix, next: Next::First, folding: Folding::default() }
    }

    /// What the next page completes, which may be nothing; `None` after the last. Streams come in
    /// the order of their names, but for those below the name of another, which come before it.
    ///
    /// # Errors
    /// The service cannot be reached or refuses. The same page may be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, Error> {
        let mut query = vec![("restype", "container"), ("comp", "list"), ("include", "metadata")];
        if !self.prefix.is_empty() {
            query.push(("prefix", &self.prefix));
        }
        match &self.next {
            Next::First => {}
            Next::Marker(marker) => query.push(("marker", marker)),
            Next::Nowhere => return Ok(None),
        }
        let answer = self.exchanges.run(Method::GET, None, &query, Vec::new()).await?;
        let page = listing::parse(&answer.text()?)?;
        let mut entries = Vec::new();
        for blob in page.blobs {
            self.folding.take(blob, &mut entries);
        }
        self.next = if page.next_marker.is_empty() {
            self.folding.end(&mut entries);
            Next::Nowhere
        } else {
            Next::Marker(page.next_marker)
        };
        // A prefix like `app/1` begins the names of some segments of `app`, and not its own.
        entries.retain(|entry| entry.name.starts_with(&self.prefix));
        Ok(Some(entries))
    }
}
