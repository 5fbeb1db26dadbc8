//! An order to a stream that is there: to merge its blocks, to close a segment, to end it.
//!
//! Invariants: a stream that is not there is not made; one whose layout does not fit is not taken
//! over.

use std::fmt;
use std::time::Duration;

use everblob_host::component::{self, Component, stream};
use everblob_host::duration;
use everblob_host::reading::{self, Layout, Stream};

use serde::Serialize;

use super::report::{self, ErrorReport, Stats};
use super::signals::Stop;
use super::writing::Writing;

/// How long a count that is only for a report may take.
const COUNTING: Duration = Duration::from_secs(2);

/// Why an order was not carried out.
#[derive(Debug)]
pub(super) enum Failure {
    /// The component's answer, or its end.
    Component(component::Error),
    /// The host's own look at the stream failed; nothing was opened.
    Look(reading::Error),
    /// There is no stream at this address.
    Missing(String),
    /// The stream is stored in a way that the order does not fit, which the text says.
    Layout(&'static str),
    /// Somebody asked to stop. What was done until then stays.
    Interrupted,
}

/// A stream under an order.
pub(super) struct Order<'a> {
    pub(super) writing: Writing<'a>,
    stop: Stop,
}

/// What every order takes.
#[derive(clap::Args)]
pub(super) struct OrderArgs {
    #[command(flatten)]
    access: super::Access,
    /// How long to go on while the service cannot be reached or does not serve
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60s")]
    retry_for: Duration,
    /// Write a report as one JSON object to stdout at the end
    #[arg(long)]
    json: bool,
}

/// What an order has come to.
pub(super) struct Outcome<R> {
    /// For `--json`.
    pub(super) report: R,
    /// For people, if it came to an end.
    pub(super) text: Option<String>,
    /// Why it failed, if it did.
    pub(super) failure: Option<Failure>,
}

/// Runs `carry_out` on the stream, and reports what it has come to.
pub(super) fn run<R: Serialize>(
    args: &OrderArgs,
    carry_out: impl AsyncFnOnce(&mut Order<'_>) -> Outcome<R>,
) -> Result<(), super::Failure> {
    let (address, source) = args.access.stream()?;
    let component = Component::load().map_err(|err| super::Failure::Refused(format!("{err:#}")))?;
    let outcome = super::runtime()?.block_on(async {
        let stop = Stop::listen()
            .map_err(|err| super::Failure::refused(format!("cannot start: {err}")))?;
        let writing = Writing::new(&component, address, source, args.retry_for);
        Ok(carry_out(&mut Order { writing, stop }).await)
    })?;
    let failure = match outcome.failure {
        None if args.json => return report::print(&outcome.report),
        None => return outcome.text.map_or(Ok(()), |text| report::line(&text)),
        Some(failure) if failure.is_usage() => super::Failure::Usage(failure.to_string()),
        Some(failure) => super::Failure::refused(failure),
    };
    Err(if args.json { report::with(failure, &outcome.report) } else { failure })
}

/// What opening takes: nothing is created.
pub(super) fn options(layout: Layout) -> stream::Options {
    stream::Options {
        layout: Some(match layout {
            Layout::Append => stream::Layout::Append,
            Layout::Block => stream::Layout::Block,
        }),
        create_container: Some(false),
        // As for `append`: this process has the patience.
        patience: Some(0),
        ..stream::Options::default()
    }
}

impl Order<'_> {
    /// The stream that is there: opening would make one.
    pub(super) async fn look(&mut self) -> Result<Stream, Failure> {
        let reader = self.writing.reader();
        let found = tokio::select! {
            found = reader.find() => found.map_err(Failure::Look)?,
            () = self.stop.asked() => return Err(Failure::Interrupted),
        };
        found.ok_or_else(|| Failure::Missing(self.writing.address().to_string()))
    }

    /// How many blocks a blob has, if that is told soon.
    pub(super) async fn blocks(&self, name: &str) -> Option<u32> {
        if self.writing.trouble().is_some() {
            return None;
        }
        let reader = self.writing.reader();
        let sizes = tokio::time::timeout(COUNTING, reader.block_sizes(name)).await.ok()?.ok()?;
        u32::try_from(sizes.len()).ok()
    }

    /// Takes the stream over.
    pub(super) async fn open(&mut self, options: &stream::Options) -> Result<(), Failure> {
        self.writing.start(options).await?;
        while !self.writing.is_flushed().await? {
            self.pause().await?;
        }
        self.writing.opened().await?;
        Ok(())
    }

    /// Waits for something to take up.
    pub(super) async fn pause(&mut self) -> Result<(), Failure> {
        self.writing.pause().await;
        if self.writing.renewal_at().is_some_and(|at| at <= tokio::time::Instant::now()) {
            self.writing.renew().await?;
        }
        if self.stop.is_asked() { Err(Failure::Interrupted) } else { Ok(()) }
    }

    /// What the component tells for a report: the layout, if it was opened, and its counts. One that
    /// failed tells nothing.
    pub(super) async fn told(&mut self) -> (Option<Layout>, Stats) {
        let Ok(appender) = self.writing.appender() else { return Default::default() };
        let info = appender.info().await.ok().flatten();
        let stats = appender.stats().await.map(Stats::from).unwrap_or_default();
        (info.map(|info| info.layout.into()), stats)
    }
}

impl Failure {
    /// For `--json`.
    pub(super) fn report(&self) -> ErrorReport {
        ErrorReport { code: self.code(), message: self.to_string() }
    }

    /// The name of the case for programs: those of the WIT, and one of our own.
    fn code(&self) -> &'static str {
        match self {
            Self::Component(err) => err.code(),
            Self::Look(err) => err.code(),
            Self::Missing(_) => "not-found",
            Self::Layout(_) => "unsupported",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the caller's arguments can never work.
    fn is_usage(&self) -> bool {
        self.code() == "invalid-argument"
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(err) => err.fmt(f),
            Self::Look(err) => err.fmt(f),
            Self::Missing(address) => write!(f, "there is no stream at {address}"),
            Self::Layout(why) => f.write_str(why),
            Self::Interrupted => f.write_str("stopped; what was done until then stays done"),
        }
    }
}

impl From<component::Error> for Failure {
    fn from(err: component::Error) -> Self {
        Self::Component(err)
    }
}
