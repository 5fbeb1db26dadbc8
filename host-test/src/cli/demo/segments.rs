//! The append layout in the demo: each piece is a block, and segments fill one after the other.

use everblob_host::component::stream;
use everblob_host::size;

use super::log::Log;
use super::picture::Picture;
use super::{Failure, PIECE_SHOWN, Place, cuts, options, piece_bytes};
use crate::cli::report::counted;

/// Blocks of a segment, in place of 50,000.
const SEGMENT_BLOCKS: u32 = 24;

pub(super) async fn show(
    place: &Place<'_>,
    log: &Log,
    picture: &mut Picture,
) -> Result<(), Failure> {
    let block = piece_bytes(&log.text);
    let limits = format!(
        "{SEGMENT_BLOCKS} blocks a segment instead of 50,000, blocks of up to {}",
        size::format(block as u64)
    );
    picture.fact("limits", &limits);
    let options = stream::Options {
        layout: Some(stream::Layout::Append),
        block_bytes: Some(block as u64),
        segment_blocks: Some(SEGMENT_BLOCKS),
        ..options()
    };
    let mut appender = place.open(&options).await?;
    picture.segment_columns(SEGMENT_BLOCKS as usize);
    let mut blocks = Vec::new();
    for range in cuts(&log.text, block) {
        appender.append(&log.text[range.clone()]).await.map_err(Failure::refused)?;
        appender.flush(None).await.map_err(Failure::refused)?;
        blocks.push((range.start as u64, range.len() as f64 / block as f64));
        let segments = appender.segments().await.map_err(Failure::refused)?;
        picture.segments(&segments, &blocks);
        if picture.is_watched() {
            tokio::time::sleep(PIECE_SHOWN).await;
        }
    }
    appender.close(None).await.map_err(Failure::refused)?;
    let segments = appender.segments().await.map_err(Failure::refused)?;
    picture.last_segment(&segments, &blocks);
    picture.note(&summary(&appender.stats().await.map_err(Failure::refused)?));
    place.compare(log, picture).await
}

fn summary(stats: &stream::Stats) -> String {
    let kinds = &stats.requests_by_kind;
    format!(
        "{}: {} Append Block, {} to create segments, {} to close them, {}, \
         {} repeated",
        counted(stats.requests, "request"),
        kinds.append_block,
        kinds.put_blob,
        kinds.seal + kinds.set_metadata,
        counted(
            kinds.get_properties + kinds.get_blob + kinds.list_blobs + kinds.create_container,
            "other"
        ),
        stats.retries,
    )
}
