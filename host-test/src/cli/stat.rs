//! `everblob stat`: shows what a stream consists of.

use std::sync::Arc;

use everblob_host::address::StreamAddress;
use everblob_host::outgoing::Outgoing;
use everblob_host::reading::{Layout, Reader, Segment, Stream};
use everblob_host::size;
use serde::Serialize;

use super::Failure;
use super::cat::PATIENCE;
use super::report::{self, Refused, counted};

/// Show what a stream consists of
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  everblob stat http://127.0.0.1:10000/devstoreaccount1/logs/app
  everblob stat URL --json | jq .length")]
pub(crate) struct Args {
    #[command(flatten)]
    access: super::Access,
    /// Write one JSON object: layout, length, epoch, sealed, segments; or error
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    layout: Layout,
    length: u64,
    /// Of the owner; null if the stream is not Everblob's.
    epoch: Option<u64>,
    sealed: bool,
    segments: &'a [Segment],
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (address, source) = args.access.stream()?;
    let credential = source.credential().clone();
    let stream = super::runtime()?.block_on(async {
        let outgoing = Arc::new(Outgoing::default());
        Reader::new(outgoing, address.clone(), credential, PATIENCE).inspect().await
    });
    let missing = || ("not-found", format!("there is no stream at {address}"));
    let stream = stream.map_err(|err| (err.code(), err.to_string()));
    let stream = match stream.and_then(|stream| stream.ok_or_else(missing)) {
        Ok(stream) => stream,
        Err((code, message)) => {
            let failure = Failure::Refused(message.clone());
            return Err(if args.json {
                report::with(failure, &Refused::new(code, message))
            } else {
                failure
            });
        }
    };
    let text = if args.json { json(&stream) } else { table(&address, &stream) };
    report::line(&text)
}

fn json(stream: &Stream) -> String {
    report::json(&Report {
        layout: stream.layout,
        length: stream.length(),
        epoch: stream.epoch(),
        sealed: stream.is_sealed(),
        segments: &stream.segments,
    })
}

fn table(address: &StreamAddress, stream: &Stream) -> String {
    let layout = stream.layout.name();
    let blocks: u64 = stream.segments.iter().map(|segment| u64::from(segment.blocks)).sum();
    let length = stream.length();
    let mut text = format!(
        "{address}\n{layout} layout, {} ({}), {}{}{}{}\n",
        counted(length, "byte"),
        size::format(length),
        counted(blocks, "block"),
        if stream.layout == Layout::Append {
            format!(" in {}", counted(stream.segments.len() as u64, "segment"))
        } else {
            String::new()
        },
        stream.epoch().map_or(String::new(), |epoch| format!(", owner of epoch {epoch}")),
        if stream.is_sealed() { ", sealed" } else { "" },
    );
    let kind = if stream.layout == Layout::Append { "segment" } else { "blob" };
    let mut rows = vec![[kind, "start", "blocks", "bytes", "state"].map(String::from)];
    rows.extend(stream.segments.iter().map(|segment| {
        [
            segment.name.clone(),
            segment.start.to_string(),
            segment.blocks.to_string(),
            segment.bytes.to_string(),
            if segment.closed { "closed" } else { "open" }.into(),
        ]
    }));
    let widths: [usize; 5] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    for [name, start, blocks, bytes, state] in &rows {
        let [w0, w1, w2, w3, _] = widths;
        text.push_str(&format!(
            "\n  {name:<w0$}  {start:>w1$}  {blocks:>w2$}  {bytes:>w3$}  {state}"
        ));
    }
    text
}
