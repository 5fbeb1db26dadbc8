//! The block layout in the demo: each piece is a small block, and the list of blocks is kept short.

use everblob_host::component::{Appender, stream};
use everblob_host::size;

use super::log::Log;
use super::picture::Picture;
use super::{Failure, PIECE_SHOWN, Place, cuts, options, piece_bytes};
use crate::cli::report::counted;

/// How long the list may grow, in place of 32,000 blocks.
const COMPACT_ABOVE: u32 = 24;
/// Pieces of the largest size that fit into a block.
const PIECES_OF_A_BLOCK: u64 = 6;

pub(super) async fn show(
    place: &Place<'_>,
    log: &Log,
    picture: &mut Picture,
) -> Result<(), Failure> {
    let piece = piece_bytes(&log.text);
    let block = piece as u64 * PIECES_OF_A_BLOCK;
    let limits = format!(
        "merged above {COMPACT_ABOVE} blocks instead of 32,000, blocks of up to {}",
        size::format(block)
    );
    picture.fact("limits", &limits);
    let options = stream::Options {
        layout: Some(stream::Layout::Block),
        block_bytes: Some(block),
        compact_above: Some(COMPACT_ABOVE),
        ..options()
    };
    let mut appender = place.open(&options).await?;
    picture.list_columns(COMPACT_ABOVE as usize + 1);
    let mut sizes = Vec::new();
    let mut merged = 0;
    for (at, range) in cuts(&log.text, piece).into_iter().enumerate() {
        appender.append(&log.text[range.clone()]).await.map_err(Failure::refused)?;
        appender.flush(None).await.map_err(Failure::refused)?;
        sizes.push(range.len() as u64);
        let flush = (at + 1).to_string();
        picture.growing_list(&flush, &sizes, block);
        let stats = appender.stats().await.map_err(Failure::refused)?;
        if stats.merged_blocks > merged {
            merged = stats.merged_blocks;
            sizes = relist(place, &flush, &sizes, block, picture).await?;
        }
        if picture.is_watched() {
            tokio::time::sleep(PIECE_SHOWN).await;
        }
    }
    finish(place, &mut appender, &sizes, block, picture).await?;
    place.compare(log, picture).await
}

/// Merges what is left to be merged, as `everblob compact` does.
async fn finish(
    place: &Place<'_>,
    appender: &mut Appender,
    sizes: &[u64],
    block: u64,
    picture: &Picture,
) -> Result<(), Failure> {
    appender.compact(None).await.map_err(Failure::refused)?;
    relist(place, "compact", sizes, block, picture).await?;
    picture.end_rows();
    appender.close(None).await.map_err(Failure::refused)?;
    picture.note(&summary(&appender.stats().await.map_err(Failure::refused)?));
    Ok(())
}

/// Reads the list after a merge from the store, and draws it. Answers the sizes of the blocks.
async fn relist(
    place: &Place<'_>,
    what: &str,
    before: &[u64],
    block: u64,
    picture: &Picture,
) -> Result<Vec<u64>, Failure> {
    let sizes = place.reader().block_sizes(place.address.name()).await;
    let sizes = sizes.map_err(Failure::refused)?;
    picture.merged_list(what, before.len(), &sizes, block);
    Ok(sizes)
}

fn summary(stats: &stream::Stats) -> String {
    let kinds = &stats.requests_by_kind;
    let commits = kinds.put_block_list;
    let reads = kinds.get_blob;
    format!(
        "{}: {} Put Block, {commits} Put Block List, {reads} Get Blob to merge, {}, \
         {} repeated",
        counted(stats.requests, "request"),
        kinds.put_block,
        counted(stats.requests - kinds.put_block - commits - reads, "other"),
        stats.retries,
    )
}
