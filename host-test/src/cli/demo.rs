//! `everblob demo`: a real log through the component into a store of its own, in both layouts, with
//! limits so small that segments fill and blocks are merged before one's eyes, and back.

mod blocks;
mod log;
mod picture;
mod segments;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use everblob_host::address::StreamAddress;
use everblob_host::component::{Appender, Component, stream};
use everblob_host::credential::{self, Source};
use everblob_host::reading::Reader;
use everblob_host::size;
use everblob_host::store::{self, StoreOptions};

use self::log::Log;
use self::picture::Picture;
use super::Failure;
use super::cat;

/// About how many pieces the log is cut into. Each is committed.
const PIECES: usize = 132;
/// How long each piece is shown on a terminal, so that one can watch.
const PIECE_SHOWN: Duration = Duration::from_millis(25);

/// Watch a real log roll over from segment to segment, and small blocks merge into large ones
#[derive(clap::Args)]
#[command(after_help = "\
Nothing is kept: the store lives in memory and ends with the demo.

Examples:
  everblob demo
  everblob demo /var/log/syslog")]
pub(crate) struct Args {
    /// The log to append; else the history of the repository, or a text that the machine has
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let log = Log::find(args.file.as_deref()).map_err(Failure::Refused)?;
    let component = Component::load().map_err(|err| Failure::Refused(format!("{err:#}")))?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::refused)?;
    runtime.block_on(show(&component, &log))
}

async fn show(component: &Component, log: &Log) -> Result<(), Failure> {
    let store = store::start(StoreOptions::default());
    let store = store.await.map_err(|err| Failure::Refused(format!("{err:#}")))?;
    let container = format!("http://{}/devstoreaccount1/demo", store.address());
    let mut picture = Picture::new();
    picture.title("Everblob: the never-ending append blob");
    picture.fact("store", &format!("http://{}, in memory, ends with this demo", store.address()));
    let component_size = size::format(component.length() as u64);
    picture.fact("component", &format!("{component_size} of WebAssembly, under wasmtime"));
    picture.fact("input", &log.described());
    let segments = Place::new(component, &format!("{container}/log"))?;
    segments::show(&segments, log, &mut picture).await?;
    picture.title("The block layout: one blob, whose small blocks are merged while it is written");
    let blocks = Place::new(component, &format!("{container}/blob"))?;
    blocks::show(&blocks, log, &mut picture).await?;
    store.stop().await;
    picture.next_steps();
    Ok(())
}

/// Where a stream of the demo is.
struct Place<'a> {
    component: &'a Component,
    address: StreamAddress,
    source: Source,
}

impl<'a> Place<'a> {
    fn new(component: &'a Component, url: &str) -> Result<Self, Failure> {
        let address = StreamAddress::parse(url).map_err(Failure::Refused)?;
        let source = credential::resolve(&address, &|_| None).map_err(Failure::Usage)?;
        Ok(Self { component, address, source })
    }

    async fn open(&self, options: &stream::Options) -> Result<Appender, Failure> {
        let credential = self.source.credential();
        let opened = Appender::open(self.component, &self.address, credential, options).await;
        opened.map_err(Failure::refused)
    }

    fn reader(&self) -> Reader {
        let outgoing = Arc::clone(self.component.outgoing());
        let credential = self.source.credential().clone();
        Reader::new(outgoing, self.address.clone(), credential, cat::PATIENCE)
    }

    /// Reads everything back as any reader would, without the component, and says how it compares.
    async fn compare(&self, log: &Log, picture: &Picture) -> Result<(), Failure> {
        let reader = self.reader();
        let mut back = Vec::with_capacity(log.text.len());
        if let Some(stream) = reader.find().await.map_err(Failure::refused)? {
            match cat::copy(&reader, &stream, 0..u64::MAX, &mut back).await {
                Ok(()) => {}
                Err(cat::Broken::Input(why)) => return Err(Failure::Refused(why)),
                Err(cat::Broken::Output(err)) => return Err(Failure::refused(err)),
            }
        }
        if back != log.text {
            picture.verdict(false, "what was read back differs from the input");
            return Err(Failure::Reported);
        }
        let length = size::format(log.text.len() as u64);
        picture.verdict(true, &format!("{length} read back: byte for byte the same"));
        Ok(())
    }
}

/// A new stream, with the defaults of the component but for what the demo shows.
fn options() -> stream::Options {
    stream::Options {
        create_container: Some(true),
        expected_end: Some(0),
        content_type: Some("text/plain".into()),
        ..stream::Options::default()
    }
}

/// The sizes of pieces vary between a tenth and the whole of this.
fn piece_bytes(text: &[u8]) -> usize {
    (text.len() * 20 / 11 / PIECES).max(64)
}

/// Cuts a log into pieces behind ends of lines, of sizes that vary as those of a real one do.
fn cuts(text: &[u8], piece: usize) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let (mut start, mut state) = (0, 1_u32);
    while start < text.len() {
        // A linear congruential sequence: the same picture for the same log.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wanted = piece / 10 + (piece - piece / 10) * (state >> 16) as usize / 0x1_0000;
        let rest = &text[start..text.len().min(start + piece)];
        let length = memchr::memchr(b'\n', &rest[wanted.min(rest.len() - 1)..])
            .map_or(rest.len(), |end| wanted.min(rest.len() - 1) + end + 1);
        cuts.push(start..start + length);
        start += length;
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::cuts;

    #[test]
    fn cuts_cover_the_text_and_no_piece_is_too_large() {
        let mut text = b"a\nlonger line\n\n".repeat(40);
        text.extend([b'x'; 300]);
        for piece in [1, 7, 64, 10_000] {
            let cuts = cuts(&text, piece);
            let mut at = 0;
            for cut in &cuts {
                assert_eq!(cut.start, at);
                assert!(cut.len() <= piece && !cut.is_empty());
                at = cut.end;
            }
            assert_eq!(at, text.len());
        }
    }
}
