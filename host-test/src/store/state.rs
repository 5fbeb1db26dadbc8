//! The state of the store: a model for each account, and the journal.
//!
//! Invariant: an effect is applied only after the journal has it.

use std::collections::BTreeMap;

use everblob::sim::service::{Answer, Request, Service};
use everblob::time::UnixTime;

use super::fault::Fault;
use super::journal::Journal;
use super::options::StoreOptions;
use super::piece::Piece;

/// All accounts.
#[derive(Debug)]
pub(super) struct State {
    services: BTreeMap<String, Service<Piece>>,
    journal: Option<Journal>,
}

impl State {
    /// Reads the folder, if there is one to read.
    pub(super) fn open(options: &StoreOptions) -> anyhow::Result<Self> {
        let new = || Service::new(options.settings());
        let mut services: BTreeMap<_, _> =
            options.accounts.iter().map(|account| (account.name.clone(), new())).collect();
        let replay = |account, effect| services.entry(account).or_insert_with(new).apply(&effect);
        let journal = options.data.as_deref().map(|folder| Journal::open(folder, replay));
        let journal = journal.transpose()?;
        Ok(Self { services, journal })
    }

    /// Does a request, or refuses it and leaves everything as it was.
    pub(super) fn execute(
        &mut self,
        account: &str,
        request: &Request<Piece>,
        now: UnixTime,
    ) -> Result<Answer<Piece>, Fault> {
        let service = self.services.get_mut(account);
        let service = service.expect("requests to other accounts are not authorized");
        let accepted = service.decide(request, now)?;
        if let Some(mut effect) = accepted.effect {
            if let Some(journal) = &mut self.journal {
                effect.content = journal.write(account, &effect).map_err(|error| {
                    tracing::error!(%error, "cannot write the journal");
                    Fault::new(
                        500,
                        "InternalError",
                        format!("The journal is not writable: {error}"),
                    )
                })?;
            }
            service.apply(&effect);
        }
        Ok(accepted.answer)
    }
}
