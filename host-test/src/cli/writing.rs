//! A stream that a command writes: the component's handle, and the trouble and the credential of a
//! run that may take long.
//!
//! Invariants: the component is only called with no time to wait, or a second at most, so that a
//! signal is always served; a future of the component is never dropped before it is done; trouble that passes is put
//! up with for as long as there is patience.

use std::sync::Arc;
use std::time::Duration;

use everblob_host::address::StreamAddress;
use everblob_host::component::{Appender, Component, Error, stream};
use everblob_host::credential::Source;
use everblob_host::reading::Reader;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// The component's own timers (pauses before a repetition) run only when it is called.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// How long refusals are put up with after it was replaced, and the pause between two.
const REPLACED_GRACE: Duration = Duration::from_secs(5);
const REPLACED_PAUSE: Duration = Duration::from_millis(100);
/// The pause while another credential may come and none is on its way.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);
/// A credential that is refused although it is newer than this is not fetched once more.
const REPLACED_LATELY: Duration = Duration::from_secs(60);
/// How long a run that has failed takes for giving back a lease.
const LEAVE_TIME: Duration = Duration::from_secs(1);
const NO_TIME: Option<Duration> = Some(Duration::ZERO);

/// A stream, opened or not.
pub(super) struct Writing<'a> {
    component: &'a Component,
    address: StreamAddress,
    source: Source,
    patience: Duration,
    appender: Option<Appender>,
    activity: Arc<Notify>,
    position: stream::Position,
    trouble: Trouble,
    replaced_at: Option<Instant>,
    /// Since when the credential is refused and there is no other.
    refused_since: Option<Instant>,
    asked: bool,
}

impl<'a> Writing<'a> {
    /// Nothing is opened yet. Trouble that passes is put up with for `patience`.
    pub(super) fn new(
        component: &'a Component,
        address: StreamAddress,
        source: Source,
        patience: Duration,
    ) -> Self {
        Self {
            component,
            address,
            source,
            patience,
            appender: None,
            activity: Arc::default(),
            position: stream::Position { accepted: 0, staged: 0, committed: 0, segment: 0 },
            trouble: Trouble::new(patience),
            replaced_at: None,
            refused_since: None,
            asked: false,
        }
    }

    /// Where the stream is.
    pub(super) fn address(&self) -> &StreamAddress {
        &self.address
    }

    /// Whether opening has begun.
    pub(super) fn is_started(&self) -> bool {
        self.appender.is_some()
    }

    /// Begins to open the stream, which is open once [`Self::is_flushed`].
    pub(super) async fn start(&mut self, options: &stream::Options) -> Result<(), Error> {
        let credential = self.source.credential();
        let appender = Appender::start(self.component, &self.address, credential, options).await?;
        self.activity = appender.activity();
        self.appender = Some(appender);
        Ok(())
    }

    /// What opening has found, and a word to the user about it.
    pub(super) async fn opened(&mut self) -> Result<stream::Info, Error> {
        let Some(info) = self.appender()?.info().await? else {
            let err = stream::Error::Other(Some("the stream is open and says nothing".into()));
            return Err(Error::Stream(err));
        };
        tracing::info!("{} is open at offset {}, epoch {}", self.address, info.start, info.epoch);
        if !info.exclusive {
            tracing::warn!(
                "the credential does not allow to write metadata (`w`): another writer is noticed \
                 only at the next append"
            );
        }
        Ok(info)
    }

    /// Where the stream stood when the component was last asked.
    pub(super) fn position(&self) -> &stream::Position {
        &self.position
    }

    /// Notes what `append` answered.
    pub(super) fn set_accepted(&mut self, accepted: u64) {
        self.position.accepted = accepted;
    }

    /// Why nothing works, if it does not.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.text()
    }

    /// A reader of the same stream.
    pub(super) fn reader(&self) -> Reader {
        Reader::new(
            Arc::clone(self.component.outgoing()),
            self.address.clone(),
            self.source.credential().clone(),
            self.patience,
        )
    }

    /// The handle.
    ///
    /// # Errors
    /// `not-open` unless opening has begun.
    pub(super) fn appender(&mut self) -> Result<&mut Appender, Error> {
        self.appender.as_mut().ok_or_else(|| stream::Error::NotOpen.into())
    }

    /// Asks for a commit of everything given, and whether it is there.
    pub(super) async fn is_flushed(&mut self) -> Result<bool, Error> {
        self.renew_if_due().await?;
        let answer = self.appender()?.flush(NO_TIME).await;
        let Some(position) = self.done(answer).await? else {
            self.drive().await?;
            return Ok(false);
        };
        self.position = position;
        Ok(true)
    }

    /// Asks for small blocks to be merged: the numbers of blocks before and after and the bytes
    /// moved, once that is done.
    pub(super) async fn compacted(&mut self) -> Result<Option<(u32, u32, u64)>, Error> {
        self.renew_if_due().await?;
        // Not driven meanwhile: the call that sees the end of it is the one that tells.
        let answer = self.appender()?.compact(NO_TIME).await;
        self.done(answer).await
    }

    /// Asks for the stream to be ended: where it ends, once that is done.
    pub(super) async fn sealed(&mut self) -> Result<Option<stream::Position>, Error> {
        let answer = self.appender()?.seal(NO_TIME).await;
        self.done(answer).await
    }

    /// Asks for the current segment to be closed: where the stream stands, once that is done.
    pub(super) async fn rolled_over(&mut self) -> Result<Option<stream::Position>, Error> {
        let answer = self.appender()?.rollover(NO_TIME).await;
        self.done(answer).await
    }

    pub(super) async fn close(&mut self) -> Result<(), Error> {
        loop {
            match self.appender()?.close(NO_TIME).await {
                Ok(_) => return Ok(()),
                Err(Error::Stream(stream::Error::TimedOut)) => self.pause().await,
                Err(err) => return Err(err),
            }
        }
    }

    pub(super) async fn drive(&mut self) -> Result<(), Error> {
        self.renew_if_due().await?;
        let result = match &mut self.appender {
            Some(appender) => appender.drive(Duration::ZERO).await,
            None => return Ok(()),
        };
        match result {
            Ok(position) => self.position = position,
            Err(err) => self.renew_or(err).await?,
        }
        Ok(())
    }

    /// After a final error, time to give a lease back. One that cannot be runs out.
    pub(super) async fn leave(&mut self) {
        if let Some(appender) = &mut self.appender {
            // The failure has been told.
            let _ = appender.drive(LEAVE_TIME).await;
        }
    }

    /// Waits for something to take up.
    pub(super) async fn pause(&self) {
        tokio::select! {
            () = self.activity.notified() => {}
            () = sleep(TICK) => {}
        }
    }

    /// Rung when there is something to take up.
    pub(super) fn activity(&self) -> Arc<Notify> {
        Arc::clone(&self.activity)
    }

    /// When to look whether there is a new credential, if there can be.
    pub(super) fn renewal_at(&self) -> Option<Instant> {
        self.source.due()
    }

    /// Takes a new credential if there is one.
    pub(super) async fn renew(&mut self) -> Result<(), Error> {
        let Some(credential) = self.source.renew() else { return Ok(()) };
        self.asked = false;
        self.refused_since = None;
        // What is not opened yet is opened with it.
        let Some(appender) = &mut self.appender else { return Ok(()) };
        appender.set_credential(credential).await?;
        self.replaced_at = Some(Instant::now());
        tracing::info!("the credential was replaced");
        Ok(())
    }

    async fn renew_if_due(&mut self) -> Result<(), Error> {
        match self.source.due() {
            Some(due) if due <= Instant::now() => self.renew().await,
            _ => Ok(()),
        }
    }

    /// A refused credential that has been replaced in the meantime, or can be, is no failure.
    pub(super) async fn renew_or(&mut self, err: Error) -> Result<(), Error> {
        let Error::Stream(stream::Error::Unauthenticated(why)) = &err else {
            return Err(self.explained(err));
        };
        self.renew().await?;
        // A request with the old credential may have been under way when it was replaced.
        if !self.is_replaced_within(REPLACED_GRACE) && !self.source.is_fetching() {
            let may_ask = !self.asked && !self.is_replaced_within(REPLACED_LATELY);
            if !may_ask || !self.source.refused() {
                if self.waits_for_credential() {
                    sleep(REFUSED_PAUSE).await;
                    return Ok(());
                }
                return Err(match self.source.failure() {
                    Some(failure) => {
                        stream::Error::Unauthenticated(format!("{why}; {failure}")).into()
                    }
                    None => err,
                });
            }
            self.asked = true;
        }
        sleep(REPLACED_PAUSE).await;
        Ok(())
    }

    /// The component passes on what the service says, which is not what is missing.
    fn explained(&self, err: Error) -> Error {
        let lacking = self.component.outgoing().lacking();
        match (err, lacking) {
            (Error::Stream(stream::Error::AccessDenied(why)), Some(permission)) => {
                let why = format!("{why}; this takes the permission {permission}");
                stream::Error::AccessDenied(why).into()
            }
            (err, _) => err,
        }
    }

    /// Whether another credential may come while there is patience. One that never worked is wrong.
    fn waits_for_credential(&mut self) -> bool {
        let since = *self.refused_since.get_or_insert_with(Instant::now);
        let worked = self.position.segment > 0;
        worked && self.source.may_recover() && since.elapsed() < self.patience
    }

    fn is_replaced_within(&self, span: Duration) -> bool {
        self.replaced_at.is_some_and(|at| at.elapsed() < span)
    }

    /// What a call that was given no time has answered, or none while it goes on.
    async fn done<T>(&mut self, answer: Result<T, Error>) -> Result<Option<T>, Error> {
        match answer {
            Ok(answer) => {
                self.trouble.is_over();
                return Ok(Some(answer));
            }
            Err(Error::Stream(stream::Error::TimedOut)) => self.trouble.is_over(),
            Err(Error::Stream(stream::Error::Unavailable(why))) => {
                if let Some(why) = self.component.outgoing().obstacle() {
                    return Err(stream::Error::Unavailable(why).into());
                }
                self.trouble.lasts(why)?;
            }
            Err(err) => self.renew_or(err).await?,
        }
        Ok(None)
    }
}

/// Since when nothing works, and why. The component tries again all the while.
struct Trouble {
    patience: Duration,
    since: Option<Instant>,
    why: String,
}

impl Trouble {
    fn new(patience: Duration) -> Self {
        Self { patience, since: None, why: String::new() }
    }

    fn lasts(&mut self, why: String) -> Result<(), Error> {
        let now = Instant::now();
        let since = *self.since.get_or_insert_with(|| {
            tracing::info!("trying again: {why}");
            now
        });
        if now - since >= self.patience {
            return Err(stream::Error::Unavailable(why).into());
        }
        self.why = why;
        Ok(())
    }

    fn is_over(&mut self) {
        if self.since.take().is_some() {
            tracing::info!("going on");
        }
    }

    fn text(&self) -> Option<&str> {
        self.since.map(|_| self.why.as_str())
    }
}
