//! What commands report: the objects of `--json`, and the line that shows progress on a terminal.

use std::io::{ErrorKind, IsTerminal, Write as _};
use std::time::Duration;

use everblob_host::component::stream;
use everblob_host::reading::Layout;
use serde::Serialize;
use tokio::time::Instant;

use super::Failure;

/// The object of `append --json`. Offsets are those of the stream, null if it was never opened.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// How the stream is stored.
    pub(crate) layout: Option<Layout>,
    /// Where this run began to append.
    pub(crate) start: Option<u64>,
    /// The end of the bytes that were taken.
    pub(crate) accepted: Option<u64>,
    /// The end of the bytes that are stored.
    pub(crate) committed: Option<u64>,
    /// The segments that were appended to or created.
    pub(crate) segments: Vec<Segment>,
    /// Requests and what became of them.
    pub(crate) stats: Stats,
    /// Why it ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorReport>,
}

/// A segment as the component leaves it.
#[derive(Debug, Serialize)]
pub(crate) struct Segment {
    name: String,
    blocks: u32,
    bytes: u64,
}

/// Why a command ended early.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorReport {
    /// The name of the case, for programs.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: String,
}

/// The object of `--json` if there is nothing to show.
#[derive(Serialize)]
pub(crate) struct Refused {
    error: ErrorReport,
}

/// The component's counts.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Stats {
    pub(crate) requests: u64,
    requests_by_kind: RequestsByKind,
    pub(crate) retries: u64,
    doubts: u64,
    throttled: u64,
    bytes_sent: u64,
    pub(crate) blocks: u64,
    pub(crate) segments_created: u64,
    pub(crate) commits: u64,
    pub(crate) block_list_bytes: u64,
    pub(crate) merged_blocks: u64,
    pub(crate) merged_bytes_down: u64,
    pub(crate) merged_bytes_up: u64,
}

#[derive(Debug, Default, Serialize)]
struct RequestsByKind {
    append_block: u64,
    put_blob: u64,
    set_metadata: u64,
    seal: u64,
    get_properties: u64,
    get_blob: u64,
    list_blobs: u64,
    create_container: u64,
    put_block: u64,
    put_block_list: u64,
    get_block_list: u64,
    lease_blob: u64,
}

impl From<stream::Segment> for Segment {
    fn from(segment: stream::Segment) -> Self {
        Self { name: segment.name, blocks: segment.blocks, bytes: segment.length }
    }
}

impl From<stream::Stats> for Stats {
    fn from(stats: stream::Stats) -> Self {
        let kinds = stats.requests_by_kind;
        Self {
            requests: stats.requests,
            requests_by_kind: RequestsByKind {
                append_block: kinds.append_block,
                put_blob: kinds.put_blob,
                set_metadata: kinds.set_metadata,
                seal: kinds.seal,
                get_properties: kinds.get_properties,
                get_blob: kinds.get_blob,
                list_blobs: kinds.list_blobs,
                create_container: kinds.create_container,
                put_block: kinds.put_block,
                put_block_list: kinds.put_block_list,
                get_block_list: kinds.get_block_list,
                lease_blob: kinds.lease_blob,
            },
            retries: stats.retries,
            doubts: stats.doubts,
            throttled: stats.throttled,
            bytes_sent: stats.bytes_sent,
            blocks: stats.blocks,
            segments_created: stats.segments_created,
            commits: stats.commits,
            block_list_bytes: stats.block_list_bytes,
            merged_blocks: stats.merged_blocks,
            merged_bytes_down: stats.merged_bytes_down,
            merged_bytes_up: stats.merged_bytes_up,
        }
    }
}

impl Refused {
    /// The object that says why.
    pub(crate) fn new(code: &'static str, message: String) -> Self {
        Self { error: ErrorReport { code, message } }
    }
}

/// A report as one line of JSON, without its end.
pub(crate) fn json(report: &impl Serialize) -> String {
    serde_json::to_string(report).expect("a report has nothing that JSON cannot hold")
}

/// Writes one JSON object to stdout. Nobody may be there to read it, which is no failure.
///
/// # Errors
/// As [`write()`].
pub(crate) fn print(report: &impl Serialize) -> Result<(), Failure> {
    line(&json(report))
}

/// Writes a line to stdout. Nobody may be there to read it, which is no failure.
///
/// # Errors
/// As [`write()`].
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes()).map(drop)
}

/// Writes to stdout. Answers whether anybody is there to read it.
///
/// # Errors
/// It cannot be written, for another reason than that.
pub(crate) fn write(text: &[u8]) -> Result<bool, Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(err) if err.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(err) => Err(Failure::refused(format!("cannot write: {err}"))),
    }
}

/// Says something to the user. Where that cannot be written there is nobody to tell.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "everblob: {text}");
}

/// Writes the report of what has failed, and answers the failure.
pub(crate) fn with(failure: Failure, report: &impl Serialize) -> Failure {
    if let Err(unwritten) = print(report) {
        unwritten.tell();
    }
    failure
}

/// A number of things: `1 block`, `2 blocks`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Whether a stream to a person takes colours: a terminal, and no `NO_COLOR`.
pub(crate) fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// One line on stderr that is written over; nothing unless stderr is a terminal.
pub(crate) struct ProgressLine {
    shown: bool,
    began: Instant,
    drawn: Option<Instant>,
}

impl ProgressLine {
    /// A line that counts from now.
    pub(crate) fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal(), began: Instant::now(), drawn: None }
    }

    /// Whether the line is to be drawn, which is a few times a second at most: for how many seconds
    /// it has counted, or none.
    pub(crate) fn is_due(&self) -> Option<f64> {
        const INTERVAL: Duration = Duration::from_millis(200);
        let early = self.drawn.is_some_and(|drawn| drawn.elapsed() < INTERVAL);
        let due = self.shown && !early;
        due.then(|| self.began.elapsed().as_secs_f64().max(0.001))
    }

    /// Draws the line over the one before.
    pub(crate) fn draw(&mut self, line: &str) {
        self.drawn = Some(Instant::now());
        let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
