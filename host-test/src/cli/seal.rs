//! `everblob seal`: ends a stream for good.
//!
//! Invariant: a stream that was ended is not touched again.

use everblob_host::component::{self, stream};
use everblob_host::reading::Layout;
use serde::Serialize;

use super::order::{self, Failure, Order, OrderArgs, Outcome};
use super::report::{ErrorReport, Stats};

/// End a stream for good: nobody can append to it any more
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    order: OrderArgs,
    /// Go on though somebody else has staged blocks on the blob; ending it may drop them
    #[arg(long)]
    discard_staged: bool,
}

const AFTER_HELP: &str = "\
There is no way back. It takes the stream over as any append does: a writer that has it open is shut
out, and what that one has not committed is not part of the stream. Reading goes on as before.
Repeating it is harmless. It takes the permission `w`.

DURATION is like 500ms, 5s or 1h.

Status: 0 the stream is ended, 1 it may not be, 2 wrong usage.

Examples:
  everblob seal https://ACCOUNT.blob.core.windows.net/logs/app
  everblob seal URL --json | jq .length";

/// The object of `--json`. Null is what is not known because it ended early.
#[derive(Default, Serialize)]
struct Report {
    layout: Option<Layout>,
    /// How many bytes the stream has, now and for ever.
    length: Option<u64>,
    sealed: Option<bool>,
    stats: Stats,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorReport>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), super::Failure> {
    order::run(&args.order, async |order| {
        let result = seal(args, order).await;
        let (layout, stats) = order.told().await;
        let mut report = Report { layout, stats, ..Report::default() };
        let failure = match result {
            Ok((layout, length)) => {
                report.layout = Some(layout);
                report.length = Some(length);
                report.sealed = Some(true);
                None
            }
            Err(failure) => {
                report.error = Some(failure.report());
                Some(failure)
            }
        };
        let text = report.length.map(|length| format!("the stream is ended at offset {length}"));
        Outcome { report, text, failure }
    })
}

/// Ends the stream: how it is stored, and how long it is.
async fn seal(args: &Args, order: &mut Order<'_>) -> Result<(Layout, u64), Failure> {
    let found = order.look().await?;
    if found.is_sealed() {
        return Ok((found.layout, found.length()));
    }
    match end(args, order, found.layout).await {
        // Somebody else did it since the look.
        Err(Failure::Component(component::Error::Stream(stream::Error::Sealed))) => {
            let found = order.look().await?;
            Ok((found.layout, found.length()))
        }
        result => Ok((found.layout, result?)),
    }
}

async fn end(args: &Args, order: &mut Order<'_>, layout: Layout) -> Result<u64, Failure> {
    if args.discard_staged && layout == Layout::Append {
        tracing::warn!("--discard-staged has no effect: the stream is in the append layout");
    }
    let discard_staged = Some(args.discard_staged);
    order.open(&stream::Options { discard_staged, ..order::options(layout) }).await?;
    loop {
        if let Some(position) = order.writing.sealed().await? {
            return Ok(position.committed);
        }
        order.pause().await?;
    }
}
