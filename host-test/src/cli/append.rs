//! `everblob append`: appends stdin to a stream.

mod cuts;
mod failure;
mod input;
mod session;

use std::time::Duration;

use everblob_host::component::{Component, stream};
use everblob_host::{duration, size};

use self::cuts::Cuts;
use self::input::Input;
use self::session::Session;
use super::report;
use super::signals::Stop;

use super::Failure;

/// Append stdin to a stream
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    access: super::Access,
    /// How the stream is stored; without it what exists decides, and a new one gets `append`
    #[arg(long, value_enum)]
    layout: Option<Layout>,
    /// Create the container if it does not exist
    #[arg(long)]
    create_container: bool,
    /// Append only if the stream ends at this offset
    #[arg(long, value_name = "OFFSET")]
    at: Option<u64>,
    /// Write a line `committed OFFSET` to stdout after each commit
    #[arg(long)]
    acks: bool,
    /// Write a report as one JSON object to stdout at the end
    #[arg(long)]
    json: bool,
    /// Commit behind every N-th line
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    flush_lines: Option<u64>,
    /// Commit behind every SIZE bytes
    #[arg(long, value_name = "SIZE", value_parser = positive_size)]
    flush_bytes: Option<u64>,
    /// Commit what has waited for so long [default: 1s if no --flush-* is given]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    flush_interval: Option<Duration>,
    /// The most bytes of one block, up to 100MiB
    #[arg(long, value_name = "SIZE", value_parser = block_size, default_value = "4MiB")]
    block_size: u64,
    /// How long to go on while the service cannot be reached or does not serve
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60s")]
    retry_for: Duration,
    /// Hold a lease, of 60s unless given, on the blob that is written to: other writers wait instead
    /// of taking over, and other tools cannot write
    #[arg(long, value_name = "DURATION", value_parser = lease, num_args = 0..=1, require_equals = true, default_missing_value = "60s")]
    lease: Option<Duration>,
    /// The content type of new blobs
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    #[command(flatten)]
    segments: Segments,
    #[command(flatten)]
    blocks: Blocks,
}

/// Options of the append layout.
#[derive(clap::Args)]
#[command(next_help_heading = "Append layout")]
struct Segments {
    /// Begin a new segment after this many blocks [default: 50000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    segment_blocks: Option<u32>,
    /// Begin a new segment before one has more bytes
    #[arg(long, value_name = "SIZE", value_parser = positive_size)]
    segment_bytes: Option<u64>,
    /// Begin a new segment when one is older
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    segment_age: Option<Duration>,
}

/// Options of the block layout.
#[derive(clap::Args)]
#[command(next_help_heading = "Block layout")]
struct Blocks {
    /// Stage up to this many blocks at a time [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    in_flight: Option<u32>,
    /// How small blocks are merged while the blob is written [default: hadoop-14520]
    #[arg(long, value_enum, value_name = "POLICY")]
    compaction: Option<Compaction>,
    /// Merge once there are more than this many blocks [default: 32000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    compact_above: Option<u32>,
    /// Go on though somebody else has staged blocks on the blob; the first commit drops them
    #[arg(long)]
    discard_staged: bool,
}

const AFTER_HELP: &str = "\
SIZE is like 16, 64KiB or 4MiB; DURATION like 500ms, 5s or 1h.

Ctrl-C commits what was read and reports; a second one stops at once.
Status: 0 everything read is committed, 1 it is not, 2 wrong usage.

Examples:
  tail -F app.log | everblob append https://ACCOUNT.blob.core.windows.net/logs/app
  everblob append URL --flush-lines 1 --acks < app.log
  everblob append URL --layout block --flush-lines 100 --compact-above 1000 < app.log
  everblob append URL --at 4096 --json < rest.log";

#[derive(Clone, Copy, clap::ValueEnum)]
enum Layout {
    /// Numbered append blobs
    Append,
    /// One block blob
    Block,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Compaction {
    /// Not at all: a blob takes 50,000 blocks
    None,
    /// As Hadoop does it: each commit merges the run of most blocks that fit into one
    #[value(name = "hadoop-14520")]
    Hadoop14520,
}

fn positive_size(text: &str) -> Result<u64, String> {
    match size::parse(text)? {
        0 => Err("must be at least one byte".into()),
        size => Ok(size),
    }
}

pub(super) fn block_size(text: &str) -> Result<u64, String> {
    match positive_size(text)? {
        size if size > 100 << 20 => Err("a block has at most 100MiB".into()),
        size => Ok(size),
    }
}

fn lease(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        span if (15..=60).contains(&span.as_secs()) && span.subsec_nanos() == 0 => Ok(span),
        _ => Err("a lease has 15 to 60 whole seconds".into()),
    }
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    let span = duration::parse(text)?;
    if span.is_zero() { Err("must be longer than nothing".into()) } else { Ok(span) }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    args.check()?;
    let (address, source) = args.access.stream()?;
    let component = Component::load().map_err(|err| Failure::Refused(format!("{err:#}")))?;
    let outcome = super::runtime()?.block_on(async {
        let stop =
            Stop::listen().map_err(|err| Failure::refused(format!("cannot start: {err}")))?;
        let input =
            Input::stdin().map_err(|err| Failure::refused(format!("cannot start: {err}")))?;
        let session = Session::new(&component, address, source, &args, input, stop);
        Ok(session.run().await)
    })?;
    let mut written = outcome.acks;
    if args.json {
        written = written.and(report::print(&outcome.report));
    }
    let Some(failure) = outcome.failure else { return written };
    if let Err(unwritten) = written {
        unwritten.tell();
    }
    match failure {
        failure if failure.is_usage() => Err(Failure::Usage(failure.to_string())),
        failure => {
            report::tell(&failure.to_string());
            for line in failure.consequences(&outcome.report) {
                report::tell(&line);
            }
            Err(Failure::Reported)
        }
    }
}

impl Args {
    /// What clap cannot check by itself: that no option is for another layout than the one named.
    fn check(&self) -> Result<(), Failure> {
        let (misfit, fits) = match self.layout {
            Some(Layout::Append) => (self.blocks.given().next(), "block"),
            Some(Layout::Block) => (self.segments.given().next(), "append"),
            // What exists decides, which opening finds out.
            None => (None, ""),
        };
        misfit.map_or(Ok(()), |misfit| {
            Err(Failure::Usage(format!("{misfit} fits --layout {fits} only")))
        })
    }

    /// Says which options have no effect on a stream of this layout.
    fn warn_of_misfits(&self, layout: stream::Layout) {
        let (misfits, layout): (Vec<_>, _) = match layout {
            stream::Layout::Append => (self.blocks.given().collect(), "append"),
            stream::Layout::Block => (self.segments.given().collect(), "block"),
        };
        for misfit in misfits {
            tracing::warn!("{misfit} has no effect: the stream is in the {layout} layout");
        }
    }

    fn cuts(&self) -> Cuts {
        let none = self.flush_lines.is_none()
            && self.flush_bytes.is_none()
            && self.flush_interval.is_none();
        let interval = if none { Some(Duration::from_secs(1)) } else { self.flush_interval };
        Cuts::new(self.flush_lines, self.flush_bytes, interval)
    }

    fn options(&self) -> stream::Options {
        let nanoseconds = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let Self { segments, blocks, .. } = self;
        stream::Options {
            layout: self.layout.map(|layout| match layout {
                Layout::Append => stream::Layout::Append,
                Layout::Block => stream::Layout::Block,
            }),
            create_container: Some(self.create_container),
            expected_end: self.at,
            block_bytes: Some(self.block_size),
            buffer_bytes: None,
            segment_blocks: segments.segment_blocks,
            segment_bytes: segments.segment_bytes,
            segment_age: segments.segment_age.map(nanoseconds),
            lease: self.lease.map(nanoseconds),
            // The component says at once why nothing works, and this process has the patience: it
            // must not be inside the component when a signal comes.
            patience: Some(0),
            content_type: self.content_type.clone(),
            in_flight: blocks.in_flight,
            compaction: blocks.compaction.map(|compaction| match compaction {
                Compaction::None => stream::Compaction::None,
                Compaction::Hadoop14520 => stream::Compaction::Hadoop,
            }),
            compact_above: blocks.compact_above,
            discard_staged: Some(blocks.discard_staged),
            checksums: None,
        }
    }
}

impl Segments {
    /// The options that were given.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let options = [
            (self.segment_blocks.is_some(), "--segment-blocks"),
            (self.segment_bytes.is_some(), "--segment-bytes"),
            (self.segment_age.is_some(), "--segment-age"),
        ];
        given(options)
    }
}

impl Blocks {
    /// The options that were given.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let options = [
            (self.in_flight.is_some(), "--in-flight"),
            (self.compaction.is_some(), "--compaction"),
            (self.compact_above.is_some(), "--compact-above"),
            (self.discard_staged, "--discard-staged"),
        ];
        given(options)
    }
}

fn given<const N: usize>(options: [(bool, &'static str); N]) -> impl Iterator<Item = &'static str> {
    options.into_iter().filter(|(given, _)| *given).map(|(_, name)| name)
}
