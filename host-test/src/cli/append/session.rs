//! One run of `append`: from the input into the component, commit by commit.
//!
//! Invariants: a commit that is due is waited for before more input is given; the stream is opened
//! by the first byte, or at once if it is to be leased; a signal is always served.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use everblob_host::address::StreamAddress;
use everblob_host::component::{Component, Error, stream};
use everblob_host::credential::Source;
use everblob_host::size;
use tokio::time::{Instant, sleep, sleep_until};

use super::Args;
use super::cuts::Cuts;
use super::failure::Failure;
use super::input::Input;
use crate::cli::report::{self, ErrorReport, ProgressLine, Report};
use crate::cli::signals::Stop;
use crate::cli::writing::{TICK, Writing};

/// After how long without progress a full buffer is asked for the reason.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// How often a lease is given time while there is no input: it is renewed at half its 15s or more.
const LEASE_TICK: Duration = Duration::from_secs(2);

/// How a run ended.
pub(super) struct Outcome {
    pub(super) report: Report,
    pub(super) failure: Option<Failure>,
    /// Whether the acks could be written.
    pub(super) acks: Result<(), crate::cli::Failure>,
}

/// A run.
pub(super) struct Session<'a> {
    args: &'a Args,
    input: Input,
    stop: Stop,
    writing: Writing<'a>,
    cuts: Cuts,
    /// What opening has found.
    info: Option<stream::Info>,
    /// The end of the stream, if it was only looked at.
    looked: Option<u64>,
    acknowledged: u64,
    acks: Result<(), crate::cli::Failure>,
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
            args,
            input,
            stop,
            writing: Writing::new(component, address, source, args.retry_for),
            cuts: args.cuts(),
            info: None,
            looked: None,
            acknowledged: 0,
            acks: Ok(()),
            progress: ProgressLine::new(),
        }
    }

    /// Appends everything, and tells how it went.
    pub(super) async fn run(mut self) -> Outcome {
        let result = self.append_all().await;
        let failure = result.err();
        if self.args.lease.is_some() && failure.as_ref().is_some_and(Failure::is_final) {
            self.writing.leave().await;
        }
        if self.args.acks && self.writing.position().committed > self.acknowledged {
            self.acknowledge();
        }
        let mut report = self.report().await;
        report.error = failure
            .as_ref()
            .map(|failure| ErrorReport { code: failure.code(), message: failure.to_string() });
        Outcome { report, failure, acks: self.acks }
    }

    async fn append_all(&mut self) -> Result<(), Failure> {
        if self.args.lease.is_some() {
            // Who asks for it has something to protect before there is input.
            self.open().await?;
        }
        tracing::info!("waiting for input");
        let mut ended_by = None;
        while let Some(chunk) = self.next_chunk().await? {
            match chunk {
                Ok(chunk) => self.give(&chunk).await?,
                // What was read before is stored all the same.
                Err(err) => ended_by = Some(Failure::Input(err)),
            }
        }
        if self.writing.is_started() {
            self.commit().await?;
            self.writing.close().await?;
        } else {
            self.check_end().await?;
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
            let renewal = self.writing.renewal_at();
            let position = self.writing.position();
            let in_flight = position.accepted - position.staged >= self.args.block_size;
            let activity = self.writing.activity();
            tokio::select! {
                chunk = self.input.next() => return Ok(chunk),
                () = self.stop.asked() => {}
                () = activity.notified() => self.writing.drive().await?,
                () = sleep(TICK), if in_flight => self.writing.drive().await?,
                () = sleep(LEASE_TICK), if self.args.lease.is_some() => self.writing.drive().await?,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.commit().await?;
                }
                () = sleep_until(renewal.unwrap_or_else(Instant::now)), if renewal.is_some() => {
                    self.writing.renew().await?;
                }
            }
        }
    }

    /// Gives input to the component, and commits where it is cut.
    async fn give(&mut self, mut data: &[u8]) -> Result<(), Failure> {
        if !self.writing.is_started() && !data.is_empty() {
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
        self.show_progress();
        // Connections live in the same thread.
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn append(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let mut stuck = Stuck::new(self.writing.position().committed);
        loop {
            match self.writing.appender()?.append(piece).await {
                Ok(accepted) => {
                    self.writing.set_accepted(accepted);
                    return Ok(());
                }
                Err(Error::Stream(stream::Error::BufferFull)) => {
                    self.writing.pause().await;
                    self.writing.drive().await?;
                    // Only a flush tells why; it costs a block that is not full.
                    if stuck.is_for(self.writing.position().committed, STUCK_AFTER) {
                        self.writing.is_flushed().await?;
                    }
                }
                Err(err) => self.writing.renew_or(err).await?,
            }
        }
    }

    async fn open(&mut self) -> Result<(), Failure> {
        self.writing.start(&self.args.options()).await?;
        while !self.writing.is_flushed().await? {
            self.writing.pause().await;
        }
        let info = self.writing.opened().await?;
        self.args.warn_of_misfits(info.layout);
        self.acknowledged = info.start;
        self.info = Some(info);
        Ok(())
    }

    /// Commits everything given, and waits for it.
    async fn commit(&mut self) -> Result<(), Failure> {
        while !self.writing.is_flushed().await? {
            self.show_progress();
            self.writing.pause().await;
        }
        self.cuts.committed();
        let committed = self.writing.position().committed;
        if committed > self.acknowledged {
            tracing::info!("committed up to {committed}");
            self.acknowledge();
        }
        Ok(())
    }

    /// That it cannot be written does not concern the bytes; it is told at the end.
    fn acknowledge(&mut self) {
        self.acknowledged = self.writing.position().committed;
        if self.args.acks && self.acks.is_ok() {
            self.acks = report::line(&format!("committed {}", self.acknowledged));
        }
    }

    fn show_progress(&mut self) {
        let Some(seconds) = self.progress.is_due() else { return };
        let (position, start) =
            (self.writing.position(), self.info.as_ref().map_or(0, |i| i.start));
        let committed = position.committed.saturating_sub(start);
        let mut line = format!(
            "{} accepted · {} committed",
            size::format(position.accepted.saturating_sub(start)),
            size::format(committed),
        );
        if self.info.as_ref().is_some_and(|info| info.layout == stream::Layout::Append) {
            line.push_str(&format!(" · segment {}", position.segment));
        }
        line.push_str(&format!(" · {}/s", size::format((committed as f64 / seconds) as u64)));
        if let Some(trouble) = self.writing.trouble() {
            line.push_str(&format!(" · {trouble}"));
        }
        self.progress.draw(&line);
    }

    /// Without input nothing is opened, and `--at` is checked by looking.
    async fn check_end(&mut self) -> Result<(), Failure> {
        let Some(expected) = self.args.at else { return Ok(()) };
        let found = self.writing.reader().find().await.map_err(Failure::Look)?;
        let end = found.map_or(0, |found| found.length());
        self.looked = Some(end);
        if end == expected { Ok(()) } else { Err(Failure::EndsElsewhere { end, expected }) }
    }

    async fn report(&mut self) -> Report {
        let mut report = Report::default();
        let position = *self.writing.position();
        let Ok(appender) = self.writing.appender() else {
            let looked = self.looked;
            (report.start, report.accepted, report.committed) = (looked, looked, looked);
            return report;
        };
        // A component that failed cannot be asked: then the last answers stand.
        let position = appender.position().await.unwrap_or(position);
        if let Ok(Some(info)) = appender.info().await {
            report.layout = Some(info.layout.into());
            report.start = Some(info.start);
            report.accepted = Some(position.accepted);
            report.committed = Some(position.committed);
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
