//! `everblob compact`: merges the small blocks of a stream.
//!
//! Invariant: a stream that is not there is not made.

use everblob_host::component::stream;
use everblob_host::reading::Layout;
use everblob_host::size;
use serde::Serialize;

use super::append::block_size;
use super::order::{self, Failure, Order, OrderArgs, Outcome};
use super::report::{ErrorReport, ProgressLine, Stats, counted};

/// Merge the small blocks of a stream in the block layout
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    order: OrderArgs,
    /// The most bytes of a merged block, up to 100MiB
    #[arg(long, value_name = "SIZE", value_parser = block_size, default_value = "4MiB")]
    block_size: u64,
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

/// The object of `--json`. Null is what is not known because it ended early. After a Ctrl-C
/// `blocks_after` is what there was then, and `bytes_moved` what was moved until then.
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

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), super::Failure> {
    order::run(&args.order, async |order| {
        let mut run = Run { args, order, blob: None, progress: ProgressLine::new() };
        let result = run.merge().await;
        let (report, failure) = run.report(result).await;
        Outcome { text: report.text(), report, failure }
    })
}

struct Run<'a, 'b> {
    args: &'a Args,
    order: &'a mut Order<'b>,
    /// The name of the blob, and how many blocks it had.
    blob: Option<(String, Option<u32>)>,
    progress: ProgressLine,
}

impl Run<'_, '_> {
    /// Merges until there is nothing left to merge: the numbers of blocks before and after, and the
    /// bytes moved.
    async fn merge(&mut self) -> Result<(u32, u32, u64), Failure> {
        let mut found = self.order.look().await?;
        if found.layout == Layout::Append {
            return Err(Failure::Layout(
                "the stream is in the append layout, whose blocks stay as they were written",
            ));
        }
        if let Some(blob) = found.segments.pop() {
            let blocks = self.order.blocks(&blob.name).await;
            self.blob = Some((blob.name, blocks));
        }
        self.order.open(&self.args.options()).await?;
        loop {
            if let Some(merged) = self.order.writing.compacted().await? {
                self.order.writing.close().await?;
                return Ok(merged);
            }
            self.show_progress().await?;
            self.order.pause().await?;
        }
    }

    async fn show_progress(&mut self) -> Result<(), Failure> {
        if self.progress.is_due().is_none() {
            return Ok(());
        }
        let stats = self.order.writing.appender()?.stats().await?;
        let blocks = counted(stats.merged_blocks, "block");
        let mut line = format!("{blocks} merged · {} moved", size::format(stats.merged_bytes_up));
        if let Some(trouble) = self.order.writing.trouble() {
            line.push_str(&format!(" · {trouble}"));
        }
        self.progress.draw(&line);
        Ok(())
    }

    async fn report(self, result: Result<(u32, u32, u64), Failure>) -> (Report, Option<Failure>) {
        let (layout, stats) = self.order.told().await;
        let mut report = Report { layout, stats, ..Report::default() };
        let failure = match result {
            Ok((before, after, moved)) => {
                report.blocks_before = Some(before);
                report.blocks_after = Some(after);
                report.bytes_moved = Some(moved);
                return (report, None);
            }
            Err(failure) => failure,
        };
        // Whatever else ended it, what there is now may be the work of others.
        if let (Failure::Interrupted, Some((name, before))) = (&failure, self.blob) {
            report.blocks_before = before;
            report.blocks_after = self.order.blocks(&name).await;
            report.bytes_moved = Some(report.stats.merged_bytes_up);
        }
        report.error = Some(failure.report());
        (report, Some(failure))
    }
}

impl Report {
    /// For people, if it came to an end.
    fn text(&self) -> Option<String> {
        let (before, after) = (self.blocks_before?, self.blocks_after?);
        let moved = size::format(self.bytes_moved?);
        let before = counted(before.into(), "block");
        Some(format!("{before} before, {after} after; {moved} moved"))
    }
}

impl Args {
    fn options(&self) -> stream::Options {
        stream::Options {
            block_bytes: Some(self.block_size),
            discard_staged: Some(self.discard_staged),
            ..order::options(Layout::Block)
        }
    }
}
