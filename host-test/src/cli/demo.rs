//! `everblob demo`: a real log through the component into a store of its own, with limits so small
//! that segments fill before one's eyes, and back.

mod log;
mod picture;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use everblob_host::address::StreamAddress;
use everblob_host::component::{Appender, Component, stream};
use everblob_host::credential;
use everblob_host::reading::Reader;
use everblob_host::store::{self, StoreOptions};
use everblob_host::{component, size};

use self::log::Log;
use self::picture::Picture;
use super::Failure;
use super::cat;

/// Blocks of a segment, in place of 50,000.
const SEGMENT_BLOCKS: u32 = 24;
/// About how many blocks the log becomes.
const BLOCKS: usize = 5 * SEGMENT_BLOCKS as usize + SEGMENT_BLOCKS as usize / 2;
/// How long each block is shown on a terminal, so that one can watch.
const BLOCK_SHOWN: Duration = Duration::from_millis(25);

/// Watch a real log roll over from segment to segment
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
    let url = format!("http://{}/devstoreaccount1/demo/log", store.address());
    let address = StreamAddress::parse(&url).map_err(Failure::Refused)?;
    let mut picture = Picture::new();
    picture.title("Everblob: the never-ending append blob");
    picture.fact("store", &format!("http://{}, in memory, ends with this demo", store.address()));
    let component_size = size::format(component.length() as u64);
    picture.fact("component", &format!("{component_size} of WebAssembly, under wasmtime"));
    picture.fact("input", &log.described());
    let block = block_bytes(&log.text);
    let limits = format!(
        "{SEGMENT_BLOCKS} blocks a segment instead of 50,000, blocks of up to {}",
        size::format(block as u64)
    );
    picture.fact("limits", &limits);
    let mut appender = append(component, &address, log, block, &mut picture).await?;
    let stats = appender.stats().await.map_err(Failure::refused)?;
    summary(&mut picture, &stats);
    let same = compare(component, &address, log).await?;
    store.stop().await;
    if !same {
        picture.verdict(false, "what was read back differs from the input");
        return Err(Failure::Reported);
    }
    let length = size::format(log.text.len() as u64);
    picture.verdict(true, &format!("{length} read back over all segments: byte for byte the same"));
    picture.next_steps();
    Ok(())
}

/// Block sizes vary between a tenth and the whole of this.
fn block_bytes(text: &[u8]) -> usize {
    (text.len() * 20 / 11 / BLOCKS).max(64)
}

async fn append(
    component: &Component,
    address: &StreamAddress,
    log: &Log,
    block: usize,
    picture: &mut Picture,
) -> Result<Appender, Failure> {
    let source = credential::resolve(address, &|_| None).map_err(Failure::Usage)?;
    let options = stream::Options {
        layout: None,
        create_container: Some(true),
        expected_end: Some(0),
        block_bytes: Some(block as u64),
        buffer_bytes: None,
        segment_blocks: Some(SEGMENT_BLOCKS),
        segment_bytes: None,
        segment_age: None,
        patience: None,
        content_type: Some("text/plain".into()),
        in_flight: None,
        compaction: None,
        compact_above: None,
        discard_staged: None,
        checksums: None,
    };
    let failed = |err: component::Error| Failure::refused(err);
    let mut appender =
        Appender::open(component, address, source.credential(), &options).await.map_err(failed)?;
    picture.columns(SEGMENT_BLOCKS as usize);
    let mut blocks = Vec::new();
    for range in cuts(&log.text, block) {
        appender.append(&log.text[range.clone()]).await.map_err(failed)?;
        appender.flush(None).await.map_err(failed)?;
        blocks.push((range.start as u64, range.len() as f64 / block as f64));
        let segments = appender.segments().await.map_err(failed)?;
        picture.segments(&segments, &blocks);
        if picture.is_watched() {
            tokio::time::sleep(BLOCK_SHOWN).await;
        }
    }
    appender.close(None).await.map_err(failed)?;
    let segments = appender.segments().await.map_err(failed)?;
    picture.last_segment(&segments, &blocks);
    Ok(appender)
}

/// Cuts a log into blocks behind ends of lines, of sizes that vary as those of a real one do.
fn cuts(text: &[u8], block: usize) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let (mut start, mut state) = (0, 1_u32);
    while start < text.len() {
        // A linear congruential sequence: the same picture for the same log.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wanted = block / 10 + (block - block / 10) * (state >> 16) as usize / 0x1_0000;
        let rest = &text[start..text.len().min(start + block)];
        let length = memchr::memchr(b'\n', &rest[wanted.min(rest.len() - 1)..])
            .map_or(rest.len(), |end| wanted.min(rest.len() - 1) + end + 1);
        cuts.push(start..start + length);
        start += length;
    }
    cuts
}

fn summary(picture: &mut Picture, stats: &stream::Stats) {
    let kinds = &stats.requests_by_kind;
    let text = format!(
        "{} requests: {} Append Block, {} to create segments, {} to close them, {} others, \
         {} repeated",
        stats.requests,
        kinds.append_block,
        kinds.put_blob,
        kinds.seal + kinds.set_metadata,
        kinds.get_properties + kinds.get_blob + kinds.list_blobs + kinds.create_container,
        stats.retries,
    );
    picture.note(&text);
}

/// Reads everything back as any reader would, without the component.
async fn compare(
    component: &Component,
    address: &StreamAddress,
    log: &Log,
) -> Result<bool, Failure> {
    let source = credential::resolve(address, &|_| None).map_err(Failure::Usage)?;
    let credential = source.credential().clone();
    let outgoing = Arc::clone(component.outgoing());
    let reader = Reader::new(outgoing, address.clone(), credential, cat::PATIENCE);
    let stream = reader.find().await.map_err(Failure::refused)?;
    let Some(stream) = stream else { return Ok(false) };
    let mut back = Vec::with_capacity(log.text.len());
    match cat::copy(&reader, &stream, 0..u64::MAX, &mut back).await {
        Ok(()) => Ok(back == log.text),
        Err(cat::Broken::Input(why)) => Err(Failure::Refused(why)),
        Err(cat::Broken::Output(err)) => Err(Failure::refused(err)),
    }
}

#[cfg(test)]
mod tests {
    use super::cuts;

    #[test]
    fn cuts_cover_the_text_and_no_block_is_too_large() {
        let mut text = b"a\nlonger line\n\n".repeat(40);
        text.extend([b'x'; 300]);
        for block in [1, 7, 64, 10_000] {
            let cuts = cuts(&text, block);
            let mut at = 0;
            for cut in &cuts {
                assert_eq!(cut.start, at);
                assert!(cut.len() <= block && !cut.is_empty());
                at = cut.end;
            }
            assert_eq!(at, text.len());
        }
    }
}
