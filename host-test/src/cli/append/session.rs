//! One run of `append`: from the input into the component, commit by commit.
//!
//! Invariants: the component is only called with no time to wait, so that a signal is always
//! served; a future of the component is never dropped before it is done; a commit that is due is
//! waited for before more input is given; the stream is opened by the first byte.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use everblob_host::address::StreamAddress;
use everblob_host::component::{Appender, Component, Error, stream};
use everblob_host::credential::Source;
use everblob_host::reading::Reader;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::Args;
use super::cuts::Cuts;
use super::failure::Failure;
use super::input::Input;
use crate::cli::report::{ErrorReport, ProgressLine, Report};
use crate::cli::signals::Stop;

/// The component's own timers (pauses before a repetition) run only when it is called.
const TICK: Duration = Duration::from_millis(20);
/// After how long without progress a full buffer is asked for the reason.
const STUCK_AFTER: Duration = Duration::from_secs(5);
/// How often a credential in a file is read again.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(10);
/// How long refusals are put up with after it was replaced, and the pause between two.
const REPLACED_GRACE: Duration = Duration::from_secs(5);
const REPLACED_PAUSE: Duration = Duration::from_millis(100);
const NO_TIME: Option<Duration> = Some(Duration::ZERO);

/// How a run ended.
pub(super) struct Outcome {
    pub(super) report: Report,
    pub(super) failure: Option<Failure>,
}

/// A run.
pub(super) struct Session<'a> {
    component: &'a Component,
    address: StreamAddress,
    source: Source,
    args: &'a Args,
    input: Input,
    stop: Stop,
    appender: Option<Appender>,
    activity: Arc<Notify>,
    cuts: Cuts,
    start: u64,
    position: stream::Position,
    acknowledged: u64,
    trouble: Trouble,
    renewed_at: Instant,
    replaced_at: Option<Instant>,
    progress: ProgressLine,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        component: &'a Component,
        address: StreamAddress,
        source: Source,
        args: &'a Args,
        input: Input,
        stop: Stop,
    ) -> Self {
        Self {
            component,
            address,
            source,
            args,
            input,
            stop,
            appender: None,
            activity: Arc::default(),
            cuts: args.cuts(),
            start: 0,
            position: stream::Position { accepted: 0, staged: 0, committed: 0, segment: 0 },
            acknowledged: 0,
            trouble: Trouble::new(args.retry_for),
            renewed_at: Instant::now(),
            replaced_at: None,
            progress: ProgressLine::new(),
        }
    }

    /// Appends everything, and tells how it went.
    pub(super) async fn run(mut self) -> Outcome {
        let result = self.append_all().await;
        let failure = result.err();
        if self.args.acks && self.position.committed > self.acknowledged {
            self.acknowledge();
        }
        let mut report = self.report().await;
        report.error = failure
            .as_ref()
            .map(|failure| ErrorReport { code: failure.code(), message: failure.to_string() });
        Outcome { report, failure }
    }

    async fn append_all(&mut self) -> Result<(), Failure> {
        tracing::info!("waiting for input");
        let mut ended_by = None;
        while let Some(chunk) = self.next_chunk().await? {
            match chunk {
                Ok(chunk) => self.give(&chunk).await?,
                // What was read before is stored all the same.
                Err(err) => ended_by = Some(Failure::Input(err)),
            }
        }
        if self.appender.is_none() {
            self.check_end().await?;
        } else {
            self.commit().await?;
            self.close().await?;
        }
        ended_by.map_or(Ok(()), Err)
    }

    /// The next input. Meanwhile the stream is driven and what is due is committed.
    async fn next_chunk(&mut self) -> Result<Option<io::Result<Bytes>>, Failure> {
        loop {
            if self.stop.is_asked() {
                tracing::info!("appending what was read before");
                self.input.stop();
                return Ok(self.input.rest().await);
            }
            let due = self.cuts.due_at();
            let renewal = self.renewed_at + RENEWAL_INTERVAL;
            let in_flight =
                self.position.accepted - self.position.committed >= self.args.block_size;
            tokio::select! {
                chunk = self.input.next() => return Ok(chunk),
                () = self.stop.asked() => {}
                () = self.activity.notified() => self.drive().await?,
                () = sleep(TICK), if in_flight => self.drive().await?,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.commit().await?;
                }
                () = sleep_until(renewal), if self.source.is_renewed() => self.renew().await?,
            }
        }
    }

    /// Gives input to the component, and commits where it is cut.
    async fn give(&mut self, mut data: &[u8]) -> Result<(), Failure> {
        if self.appender.is_none() && !data.is_empty() {
            self.open().await?;
        }
        while !data.is_empty() {
            let (piece, rest) = data.split_at(self.cuts.next(data));
            self.append(piece).await?;
            self.cuts.given(piece, Instant::now());
            data = rest;
            if self.cuts.is_due(Instant::now()) {
                self.commit().await?;
            }
        }
        self.progress.show(self.start, &self.position, self.trouble.text());
        // Connections live in the same thread.
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn append(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let mut stuck = Stuck::new(self.position.committed);
        loop {
            match self.appender()?.append(piece).await {
                Ok(accepted) => {
                    self.position.accepted = accepted;
                    return Ok(());
                }
                Err(Error::Stream(stream::Error::BufferFull)) => {
                    self.pause().await;
                    self.drive().await?;
                    // Only a flush tells why; it costs a block that is not full.
                    if stuck.is_for(self.position.committed, STUCK_AFTER) {
                        self.is_flushed().await?;
                    }
                }
                Err(err) => self.renew_or(err).await?,
            }
        }
    }

    async fn open(&mut self) -> Result<(), Failure> {
        let options = self.args.options();
        let appender =
            Appender::start(self.component, &self.address, self.source.credential(), &options)
                .await?;
        self.activity = appender.activity();
        self.appender = Some(appender);
        while !self.is_flushed().await? {
            self.pause().await;
        }
        let Some(info) = self.appender()?.info().await? else {
            let err = stream::Error::Other(Some("the stream is open and says nothing".into()));
            return Err(Error::Stream(err).into());
        };
        self.start = info.start;
        self.acknowledged = info.start;
        tracing::info!("{} is open at offset {}, epoch {}", self.address, info.start, info.epoch);
        if !info.exclusive {
            tracing::warn!(
                "the credential does not allow to write metadata (`w`): another writer is noticed \
                 only at the next append"
            );
        }
        Ok(())
    }

    /// Commits everything given, and waits for it.
    async fn commit(&mut self) -> Result<(), Failure> {
        while !self.is_flushed().await? {
            self.progress.show(self.start, &self.position, self.trouble.text());
            self.pause().await;
        }
        self.cuts.committed();
        if self.position.committed > self.acknowledged {
            tracing::info!("committed up to {}", self.position.committed);
            self.acknowledge();
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), Failure> {
        loop {
            match self.appender()?.close(NO_TIME).await {
                Ok(_) => return Ok(()),
                Err(Error::Stream(stream::Error::TimedOut)) => self.pause().await,
                Err(err) => return Err(err.into()),
            }
        }
    }

    /// Asks for a commit of everything given, and whether it is there.
    async fn is_flushed(&mut self) -> Result<bool, Failure> {
        match self.appender()?.flush(NO_TIME).await {
            Ok(position) => {
                self.position = position;
                self.trouble.is_over();
                return Ok(true);
            }
            Err(Error::Stream(stream::Error::TimedOut)) => self.trouble.is_over(),
            Err(Error::Stream(stream::Error::Unavailable(why))) => self.trouble.lasts(why)?,
            Err(err) => self.renew_or(err).await?,
        }
        self.drive().await?;
        Ok(false)
    }

    async fn drive(&mut self) -> Result<(), Failure> {
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

    /// Waits for something to take up.
    async fn pause(&mut self) {
        tokio::select! {
            () = self.activity.notified() => {}
            () = sleep(TICK) => {}
        }
    }

    /// A refused credential that has been replaced in the meantime is no failure.
    async fn renew_or(&mut self, err: Error) -> Result<(), Failure> {
        if !matches!(err, Error::Stream(stream::Error::Unauthenticated(_))) {
            return Err(err.into());
        }
        self.renew().await?;
        // A request with the old credential may have been under way when it was replaced.
        if self.replaced_at.is_some_and(|at| at.elapsed() < REPLACED_GRACE) {
            sleep(REPLACED_PAUSE).await;
            return Ok(());
        }
        Err(err.into())
    }

    async fn renew(&mut self) -> Result<(), Failure> {
        self.renewed_at = Instant::now();
        let Some(appender) = &mut self.appender else { return Ok(()) };
        if let Some(credential) = self.source.renew() {
            appender.set_credential(credential).await?;
            self.replaced_at = Some(Instant::now());
            tracing::info!("the credential was replaced");
        }
        Ok(())
    }

    /// Nobody may be reading, which does not concern the bytes.
    fn acknowledge(&mut self) {
        self.acknowledged = self.position.committed;
        if self.args.acks {
            let mut stdout = io::stdout().lock();
            let _ = writeln!(stdout, "committed {}", self.acknowledged);
            let _ = stdout.flush();
        }
    }

    /// Without input nothing is opened, and `--at` is checked by looking.
    async fn check_end(&mut self) -> Result<(), Failure> {
        let Some(expected) = self.args.at else { return Ok(()) };
        let reader = Reader::new(
            Arc::clone(self.component.outgoing()),
            self.address.clone(),
            self.source.credential().clone(),
            self.args.retry_for,
        );
        let found = reader.find().await.map_err(Failure::Look)?;
        let end = found.map_or(0, |found| found.length());
        self.start = end;
        self.position.accepted = end;
        self.position.committed = end;
        if end == expected { Ok(()) } else { Err(Failure::EndsElsewhere { end, expected }) }
    }

    fn appender(&mut self) -> Result<&mut Appender, Failure> {
        self.appender.as_mut().ok_or_else(|| Error::Stream(stream::Error::NotOpen).into())
    }

    async fn report(&mut self) -> Report {
        let mut report = Report::default();
        let Some(appender) = &mut self.appender else {
            let looked = self.args.at.map(|_| self.position.committed);
            (report.start, report.accepted, report.committed) = (looked, looked, looked);
            return report;
        };
        // A component that failed cannot be asked: then the last answers stand.
        if let Ok(position) = appender.position().await {
            self.position = position;
        }
        if let Ok(Some(info)) = appender.info().await {
            report.start = Some(info.start);
            report.accepted = Some(self.position.accepted);
            report.committed = Some(self.position.committed);
        }
        if let Ok(segments) = appender.segments().await {
            report.segments = segments.into_iter().map(Into::into).collect();
        }
        if let Ok(stats) = appender.stats().await {
            report.stats = stats.into();
        }
        report
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

/// Whether there was progress for some time.
struct Stuck {
    committed: u64,
    since: Instant,
}

impl Stuck {
    fn new(committed: u64) -> Self {
        Self { committed, since: Instant::now() }
    }

    fn is_for(&mut self, committed: u64, span: Duration) -> bool {
        let now = Instant::now();
        if committed != self.committed {
            *self = Self { committed, since: now };
        }
        now - self.since >= span
    }
}
