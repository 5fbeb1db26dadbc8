//! `everblob rollover`: closes the current segment of a stream.
//!
//! Invariant: a stream whose current segment is empty or closed is not touched.

use everblob_host::reading::{Layout, Stream};
use serde::Serialize;

use super::order::{self, Failure, Order, OrderArgs, Outcome};
use super::report::{ErrorReport, Stats};

/// Close the current segment of a stream in the append layout
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    order: OrderArgs,
}

const AFTER_HELP: &str = "\
Nothing is appended to the segment any more, so that it can be moved to another tier or be processed
as a whole. The next byte begins the next segment. To a segment that is empty or closed nothing is
done. Else it takes the stream over as any append does: a writer that has it open is shut out. It
takes the permission `w`.

DURATION is like 500ms, 5s or 1h.

Status: 0 the segment is closed or empty, 1 it may not be, 2 wrong usage.

Examples:
  everblob rollover https://ACCOUNT.blob.core.windows.net/logs/app
  everblob rollover URL --json | jq -r .closed";

/// The object of `--json`. Null is what is not known because it ended early.
#[derive(Default, Serialize)]
struct Report {
    layout: Option<Layout>,
    /// How many bytes the stream has.
    length: Option<u64>,
    /// The name of the last segment that is closed; null if the stream has no byte.
    closed: Option<String>,
    /// Whether the stream was ended for good.
    sealed: Option<bool>,
    stats: Stats,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorReport>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), super::Failure> {
    order::run(&args.order, async |order| {
        let result = roll_over(order).await;
        let (layout, stats) = order.told().await;
        let mut report = Report { layout, stats, ..Report::default() };
        let failure = match result {
            Ok(stream) => {
                report.layout = Some(stream.layout);
                report.length = Some(stream.length());
                report.sealed = Some(stream.is_sealed());
                let closed = stream.segments.into_iter().rfind(|segment| segment.closed);
                report.closed = closed.map(|segment| segment.name);
                None
            }
            Err(failure) => {
                report.error = Some(failure.report());
                Some(failure)
            }
        };
        Outcome { text: report.text(), report, failure }
    })
}

/// Closes the segment: what the stream consists of then.
async fn roll_over(order: &mut Order<'_>) -> Result<Stream, Failure> {
    let found = order.look().await?;
    if found.layout == Layout::Block {
        return Err(Failure::Layout(
            "the stream is in the block layout, which is one blob and has no segments to close",
        ));
    }
    // Opening a stream whose last segment is closed would create the next.
    if found.segments.last().is_some_and(|last| last.closed || last.bytes == 0) {
        return Ok(found);
    }
    order.open(&order::options(Layout::Append)).await?;
    while order.writing.rolled_over().await?.is_none() {
        order.pause().await?;
    }
    order.writing.close().await?;
    order.look().await
}

impl Report {
    /// For people, if it came to an end.
    fn text(&self) -> Option<String> {
        let length = self.length?;
        Some(match &self.closed {
            Some(closed) if self.sealed == Some(true) => {
                format!("{closed} is closed; the stream is ended at offset {length}")
            }
            Some(closed) => format!("{closed} is closed; the stream goes on at offset {length}"),
            None => "the stream is empty and its segment stays open".into(),
        })
    }
}
