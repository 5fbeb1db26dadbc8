//! The demo on the screen: a row for each segment or each list of blocks, a bar for each block, as
//! high as the block is full.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _, stdout};

use everblob_host::component::stream::Segment;
use everblob_host::size;

use crate::cli::report::colours;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";

/// Blocks of the stream: the offset of the first byte, and how full it is, from 0 to 1.
pub(super) type Blocks = [(u64, f64)];

/// What was drawn.
pub(super) struct Picture {
    coloured: bool,
    watched: bool,
    columns: usize,
    finished: usize,
}

impl Picture {
    pub(super) fn new() -> Self {
        let watched = stdout().is_terminal();
        Self { coloured: colours(&stdout()), watched, columns: 0, finished: 0 }
    }

    /// Whether somebody looks on, so that rows are drawn while they grow.
    pub(super) fn is_watched(&self) -> bool {
        self.watched
    }

    pub(super) fn title(&self, text: &str) {
        say(&format!("\n  {}\n\n", self.paint(BOLD, text)));
    }

    pub(super) fn fact(&self, name: &str, text: &str) {
        say(&format!("  {}  {text}\n", self.paint(DIM, &format!("{name:<9}"))));
    }

    /// Begins the rows of segments.
    pub(super) fn segment_columns(&mut self, columns: usize) {
        self.columns = columns;
        let header = format!(
            "{:<7}  {:<columns$}  {:>6}  {:>8}  {:>9}",
            "segment", "blocks", "blocks", "bytes", "start"
        );
        say(&format!("\n  {}\n", self.paint(DIM, &header)));
    }

    /// Draws what is new, and on a terminal the segment that grows.
    pub(super) fn segments(&mut self, segments: &[Segment], blocks: &Blocks) {
        let Some(open) = segments.len().checked_sub(1) else { return };
        while self.finished < open {
            self.row(&segments[self.finished], blocks, true);
            self.finished += 1;
        }
        if self.watched {
            self.row(&segments[open], blocks, false);
        }
    }

    /// Draws the last segment for good.
    pub(super) fn last_segment(&mut self, segments: &[Segment], blocks: &Blocks) {
        self.segments(segments, blocks);
        if let Some(last) = segments.get(self.finished) {
            self.row(last, blocks, true);
        }
        self.end_rows();
    }

    /// Ends the rows.
    pub(super) fn end_rows(&self) {
        say("\n");
    }

    fn row(&self, segment: &Segment, blocks: &Blocks, done: bool) {
        let range = segment.start..segment.start + segment.length;
        let bars: String = blocks
            .iter()
            .filter(|(at, _)| range.contains(at))
            .map(|(_, full)| bar(*full))
            .collect();
        let padding = " ".repeat(self.columns.saturating_sub(bars.chars().count()));
        let (colour, state) = if segment.closed { (GREEN, "closed") } else { (YELLOW, "open") };
        let mut row = String::new();
        if self.watched {
            row.push_str("\r\x1b[2K");
        }
        let _ = write!(
            row,
            "  {:<7}  {}{padding}  {:>6}  {:>8}  {:>9}  {}",
            segment.name,
            self.paint(colour, &bars),
            segment.blocks,
            size::format(segment.length),
            segment.start,
            self.paint(colour, state),
        );
        if done {
            row.push('\n');
        }
        say(&row);
    }

    /// Begins the rows of lists.
    pub(super) fn list_columns(&mut self, columns: usize) {
        self.columns = columns;
        let header = format!("{:>7}  {:<columns$}  {:>8}", "flush", "block list", "blocks");
        say(&format!("\n  {}\n", self.paint(DIM, &header)));
    }

    /// Draws a list that is longer than the one before, if somebody looks on.
    pub(super) fn growing_list(&self, what: &str, sizes: &[u64], block: u64) {
        if self.watched {
            self.list(what, sizes, block, YELLOW, &sizes.len().to_string());
        }
    }

    /// Draws a list that had `before` blocks and was merged.
    pub(super) fn merged_list(&self, what: &str, before: usize, sizes: &[u64], block: u64) {
        self.list(what, sizes, block, GREEN, &format!("{before:>2} → {:<2}\n", sizes.len()));
    }

    fn list(&self, what: &str, sizes: &[u64], block: u64, colour: &str, blocks: &str) {
        let bars: String = sizes.iter().map(|size| bar(*size as f64 / block as f64)).collect();
        let padding = " ".repeat(self.columns.saturating_sub(sizes.len()));
        let begin = if self.watched { "\r\x1b[2K" } else { "" };
        say(&format!("{begin}  {what:>7}  {}{padding}  {blocks:>9}", self.paint(colour, &bars)));
    }

    pub(super) fn note(&self, text: &str) {
        say(&format!("  {}\n", self.paint(DIM, text)));
    }

    pub(super) fn verdict(&self, good: bool, text: &str) {
        let (colour, mark) = if good { (GREEN, "✓") } else { (RED, "✗") };
        say(&format!("  {} {text}\n", self.paint(colour, mark)));
    }

    /// What to try next.
    pub(super) fn next_steps(&self) {
        let name = program();
        let url = "http://127.0.0.1:10000/devstoreaccount1/logs/app";
        say(&format!("\n  {}\n\n", self.paint(BOLD, "Try next")));
        let steps = [
            ("keep a store running", format!("{name} store --data ./blobs")),
            ("append, with an ack each line", {
                format!(
                    "seq 1000 | {name} append {url} --create-container --flush-lines 100 --acks"
                )
            }),
            ("look at the segments", format!("{name} stat {url}")),
            ("one blob instead", {
                format!("seq 1000 | {name} append {url}.blob --layout block --flush-lines 1")
            }),
            ("and few large blocks in it", format!("{name} compact {url}.blob")),
            ("read it back", format!("{name} cat {url} | tail -3")),
        ];
        for (what, command) in steps {
            say(&format!("    {}\n    {command}\n\n", self.paint(DIM, &format!("# {what}"))));
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn bar(full: f64) -> char {
    let level = (full * BARS.len() as f64).ceil() as usize;
    BARS[level.clamp(1, BARS.len()) - 1]
}

/// How the program was called.
fn program() -> String {
    std::env::args().next().filter(|name| !name.contains(' ')).unwrap_or_else(|| "everblob".into())
}

/// Nobody may be there to see it, which is no failure.
fn say(text: &str) {
    let mut stdout = stdout();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_is_as_high_as_the_block_is_full() {
        assert_eq!(bar(0.0), '▁');
        assert_eq!(bar(0.13), '▂');
        assert_eq!(bar(0.5), '▄');
        assert_eq!(bar(1.0), '█');
    }
}
