//! `everblob compact`: merges the small blocks of a stream.
//!
//! Invariant: a stream that is not there is not made.

use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use everblob_host::component::{self, Component, stream};
use everblob_host::reading::{self, Layout};
use everblob_host::{duration, size};
use serde::Serialize;

use super::append::block_size;
use super::report::{self, ErrorReport, ProgressLine, Stats};
use super::signals::Stop;
use super::writing::Writing;

/// Merge the small blocks of a stream in the block layout
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    access: super::Access,
    /// The most bytes of a merged block, up to 100MiB
    #[arg(long, value_name = "SIZE", value_parser = block_size, default_value = "4MiB")]
    block_size: u64,
    /// How long to go on while the service cannot be reached or does not serve
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60s")]
    retry_for: Duration,
    /// Write a report as one JSON object to stdout at the end
    #[arg(long)]
    json: bool,
    /// Go on though somebody else has staged blocks on the blob; the first commit drops them
    #[arg(long)]
    discard_staged: bool,
}

const AFTER_HELP: &str = "\
It takes the stream over as any append does: a writer that has it open is shut out. Readers see
the same bytes all the while. Each merge is committed by itself, so that stopping it by Ctrl-C
loses nothing and running it again goes on.

SIZE is like 64KiB or 4MiB; DURATION like 500ms, 5s or 1h.

Status: 0 no two neighbours fit into one block any more, 1 they may, 2 wrong usage.

Examples:
  everblob compact https://ACCOUNT.blob.core.windows.net/logs/app
  everblob compact URL --block-size 100MiB --json | jq .blocks_after";

/// The object of `--json`. Null is what is not known because it ended early.
#[derive(Default, Serialize)]
struct Report {
    layout: Option<Layout>,
    blocks_before: Option<u32>,
    blocks_after: Option<u32>,
    bytes_moved: Option<u64>,
    stats: Stats,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorReport>,
}

/// Why it ended early.
#[derive(Debug)]
enum Failure {
    /// The component's answer, or its end.
    Component(component::Error),
    /// The host's own look at the stream failed; nothing was opened.
    Look(reading::Error),
    /// There is no stream at this address.
    Missing(String),
    /// The stream is stored as append blobs.
    AppendLayout,
    /// Somebody asked to stop.
    Interrupted,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), super::Failure> {
    let (address, source) = args.access.stream()?;
    let component = Component::load().map_err(|err| super::Failure::Refused(format!("{err:#}")))?;
    let (report, failure) = super::runtime()?.block_on(async {
        let stop = Stop::listen()
            .map_err(|err| super::Failure::refused(format!("cannot start: {err}")))?;
        let writing = Writing::new(&component, address, source, args.retry_for);
        let mut run = Run { args, stop, writing, progress: ProgressLine::new() };
        let result = run.merge().await;
        Ok(run.report(result).await)
    })?;
    if args.json {
        report::print(&report);
    } else if let Some(text) = report.text() {
        // Nobody may be there to read it, which is no failure.
        let _ = writeln!(std::io::stdout(), "{text}");
    }
    match failure {
        None => Ok(()),
        Some(failure) if failure.is_usage() => Err(super::Failure::Usage(failure.to_string())),
        Some(failure) => Err(super::Failure::refused(failure)),
    }
}

struct Run<'a> {
    args: &'a Args,
    stop: Stop,
    writing: Writing<'a>,
    progress: ProgressLine,
}

impl Run<'_> {
    /// Merges until there is nothing left to merge: the numbers of blocks before and after, and the
    /// bytes moved.
    async fn merge(&mut self) -> Result<(u32, u32, u64), Failure> {
        self.look().await?;
        self.writing.start(&self.args.options()).await?;
        while !self.writing.is_flushed().await? {
            self.pause().await?;
        }
        self.writing.opened().await?;
        loop {
            if let Some(merged) = self.writing.compacted().await? {
                self.writing.close().await?;
                return Ok(merged);
            }
            self.show_progress().await?;
            self.pause().await?;
        }
    }

    /// Makes sure that there is a stream to merge: opening would make one.
    async fn look(&mut self) -> Result<(), Failure> {
        let reader = self.writing.reader();
        let found = tokio::select! {
            found = reader.find() => found.map_err(Failure::Look)?,
            () = self.stop.asked() => return Err(Failure::Interrupted),
        };
        match found.map(|found| found.layout) {
            Some(Layout::Block) => Ok(()),
            Some(Layout::Append) => Err(Failure::AppendLayout),
            None => Err(Failure::Missing(self.writing.address().to_string())),
        }
    }

    async fn pause(&mut self) -> Result<(), Failure> {
        self.writing.pause().await;
        if self.writing.renewal_at().is_some_and(|at| at <= tokio::time::Instant::now()) {
            self.writing.renew().await?;
        }
        if self.stop.is_asked() { Err(Failure::Interrupted) } else { Ok(()) }
    }

    async fn show_progress(&mut self) -> Result<(), Failure> {
        if self.progress.is_due().is_none() {
            return Ok(());
        }
        let stats = self.writing.appender()?.stats().await?;
        let (blocks, bytes) = (stats.merged_blocks, size::format(stats.merged_bytes_up));
        let mut line = format!("{blocks} blocks merged · {bytes} moved");
        if let Some(trouble) = self.writing.trouble() {
            line.push_str(&format!(" · {trouble}"));
        }
        self.progress.draw(&line);
        Ok(())
    }

    async fn report(
        mut self,
        result: Result<(u32, u32, u64), Failure>,
    ) -> (Report, Option<Failure>) {
        let mut report = Report::default();
        // A component that failed cannot be asked.
        if let Ok(appender) = self.writing.appender() {
            if let Ok(Some(info)) = appender.info().await {
                report.layout = Some(info.layout.into());
            }
            if let Ok(stats) = appender.stats().await {
                report.stats = stats.into();
            }
        }
        let failure = match result {
            Ok((before, after, moved)) => {
                report.blocks_before = Some(before);
                report.blocks_after = Some(after);
                report.bytes_moved = Some(moved);
                return (report, None);
            }
            Err(failure) => failure,
        };
        report.error = Some(ErrorReport { code: failure.code(), message: failure.to_string() });
        (report, Some(failure))
    }
}

impl Report {
    /// For people, if it came to an end.
    fn text(&self) -> Option<String> {
        let (before, after) = (self.blocks_before?, self.blocks_after?);
        let moved = size::format(self.bytes_moved?);
        Some(format!("{before} blocks before, {after} after; {moved} moved"))
    }
}

impl Args {
    fn options(&self) -> stream::Options {
        stream::Options {
            layout: Some(stream::Layout::Block),
            create_container: Some(false),
            expected_end: None,
            block_bytes: Some(self.block_size),
            buffer_bytes: None,
            segment_blocks: None,
            segment_bytes: None,
            segment_age: None,
            // As for `append`: this process has the patience.
            patience: Some(0),
            content_type: None,
            in_flight: None,
            compaction: None,
            compact_above: None,
            discard_staged: Some(self.discard_staged),
            checksums: None,
        }
    }
}

impl Failure {
    /// The name of the case for programs: those of the WIT, and one of our own.
    fn code(&self) -> &'static str {
        match self {
            Self::Component(err) => err.code(),
            Self::Look(err) => err.code(),
            Self::Missing(_) => "not-found",
            Self::AppendLayout => "unsupported",
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
            Self::AppendLayout => f.write_str(
                "the stream is in the append layout, whose blocks stay as they were written",
            ),
            Self::Interrupted => f.write_str("stopped; what was merged until then stays merged"),
        }
    }
}

impl From<component::Error> for Failure {
    fn from(err: component::Error) -> Self {
        Self::Component(err)
    }
}
