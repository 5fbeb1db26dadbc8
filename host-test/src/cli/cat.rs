//! `everblob cat`: writes the bytes of a stream to stdout.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use everblob_host::outgoing::Outgoing;
use everblob_host::reading::{Error, READ_BYTES_MAX, Reader, Segment, Stream};
use tokio::task::JoinHandle;

use super::Failure;

/// How long a read goes on while the service cannot be reached.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Write the bytes of a stream to stdout
#[derive(clap::Args)]
#[command(after_help = "\
Reading past the end writes nothing and is no error.

Examples:
  everblob cat http://127.0.0.1:10000/devstoreaccount1/logs/app
  everblob cat URL --offset 1000000 --length 4096 | less")]
pub(crate) struct Args {
    #[command(flatten)]
    access: super::Access,
    /// Begin at this offset of the stream, in bytes
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
    /// Write at most so many bytes
    #[arg(long, value_name = "N")]
    length: Option<u64>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (address, source) = args.access.stream()?;
    let missing = format!("there is no stream at {address}");
    let credential = source.credential().clone();
    // Reading goes on in the other threads while this one writes.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(Failure::refused)?.block_on(async {
        let reader = Reader::new(Arc::new(Outgoing::default()), address, credential, PATIENCE);
        let stream = reader.find().await.map_err(Failure::refused)?;
        let stream = stream.ok_or(Failure::Refused(missing))?;
        let end = args.length.map_or(u64::MAX, |length| args.offset.saturating_add(length));
        let mut stdout = io::stdout();
        let written = copy(&reader, &stream, args.offset..end, &mut stdout).await;
        match written {
            Err(Broken::Output(err)) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(Broken::Output(err)) => Err(Failure::refused(format!("cannot write: {err}"))),
            Err(Broken::Input(why)) => Err(Failure::Refused(why)),
            Ok(()) => Ok(()),
        }
    })
}

/// Which side of a copy failed.
pub(super) enum Broken {
    /// The stream could not be read.
    Input(String),
    /// The output could not be written.
    Output(io::Error),
}

/// Copies a range of stream offsets, reading one piece ahead.
pub(super) async fn copy(
    reader: &Reader,
    stream: &Stream,
    range: Range<u64>,
    output: &mut impl io::Write,
) -> Result<(), Broken> {
    let mut ahead: Option<JoinHandle<Result<Bytes, Error>>> = None;
    let mut pieces = pieces(stream, range).into_iter();
    loop {
        let next = pieces.next().map(|(segment, range)| {
            let (reader, segment) = (reader.clone(), segment.clone());
            tokio::spawn(async move { reader.read(&segment, range).await })
        });
        if let Some(read) = ahead.take() {
            let read = read.await.map_err(|err| Broken::Input(err.to_string()))?;
            let data = read.map_err(|err| Broken::Input(err.to_string()))?;
            output.write_all(&data).map_err(Broken::Output)?;
        }
        match next {
            Some(next) => ahead = Some(next),
            None => return output.flush().map_err(Broken::Output),
        }
    }
}

/// The reads that a range of stream offsets takes.
fn pieces(stream: &Stream, range: Range<u64>) -> Vec<(&Segment, Range<u64>)> {
    let mut pieces = Vec::new();
    for segment in &stream.segments {
        let first = range.start.max(segment.start);
        let last = range.end.min(segment.start + segment.bytes);
        let mut at = first;
        while at < last {
            let end = last.min(at + READ_BYTES_MAX);
            pieces.push((segment, at - segment.start..end - segment.start));
            at = end;
        }
    }
    pieces
}
