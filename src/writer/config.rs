//! Settings of a writer, checked once, when they are made.
//!
//! Invariant: every limit is within the service's, and a block fits into the buffer.

use alloc::format;
use alloc::string::{String, ToString};

use crate::compaction::Compaction;
use crate::error::Error;
use crate::limits;
use crate::stream::Layout;
use crate::time::Span;

/// How a stream is written. Sizes are in bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// How the stream is stored. If `None`, what exists decides; a new one gets the append layout.
    pub layout: Option<Layout>,
    /// Create the container if it does not exist.
    pub create_container: bool,
    /// Where the caller expects the stream to end.
    pub expected_end: Option<u64>,
    /// The most bytes of a block.
    pub block_bytes: u64,
    /// The most accepted bytes that are not committed.
    pub buffer_bytes: u64,
    /// Close a segment that has this many blocks.
    pub segment_blocks: u32,
    /// Close a segment that would grow beyond this.
    pub segment_bytes: Option<u64>,
    /// Close a segment that is older than this when the next byte comes.
    pub segment_age: Option<Span>,
    /// Hold a lease of this length on the blob that is written to.
    pub lease: Option<Span>,
    /// How long a caller waits while nothing works.
    pub patience: Span,
    /// The content type of blobs to be created.
    pub content_type: String,
    /// Block layout: how many blocks are staged at a time.
    pub in_flight: u32,
    /// Block layout: how small blocks are merged.
    pub compaction: Compaction,
    /// Block layout: drop blocks that somebody else has staged, instead of refusing the blob.
    pub discard_staged: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            layout: None,
            create_container: false,
            expected_end: None,
            block_bytes: limits::BLOCK_BYTES_DEFAULT,
            buffer_bytes: limits::BLOCK_BYTES_DEFAULT * limits::BUFFER_BLOCKS_DEFAULT,
            segment_blocks: limits::SEGMENT_BLOCKS_MAX,
            segment_bytes: None,
            segment_age: None,
            lease: None,
            patience: limits::PATIENCE_DEFAULT,
            content_type: "application/octet-stream".to_string(),
            in_flight: limits::IN_FLIGHT_DEFAULT,
            compaction: Compaction::Hadoop14520 { above: limits::COMPACT_ABOVE_DEFAULT },
            discard_staged: false,
        }
    }
}

impl Config {
    /// The room unless the caller chooses, in bytes: for the append layout one block under way, one
    /// ready and two being filled; for the block layout twice what is under way, because bytes are
    /// kept until they are committed, and two more for a merge.
    pub fn buffer_for(layout: Option<Layout>, block_bytes: u64, in_flight: u32) -> u64 {
        let blocks = match layout {
            Some(Layout::Block) => u64::from(in_flight) * 2 + 2,
            _ => limits::BUFFER_BLOCKS_DEFAULT,
        };
        let room = block_bytes.saturating_mul(blocks).min(limits::BUFFER_BYTES_UNASKED);
        room.max(block_bytes).max(limits::BUFFER_BYTES_LEAST)
    }

    /// What is answered to bytes that are more than there ever is room for.
    pub(super) fn too_large(&self, data: &[u8]) -> Error {
        Error::InvalidArgument(format!(
            "{} bytes at once are more than the buffer of {}; append less at a time",
            data.len(),
            self.buffer_bytes
        ))
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] names the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        within("block-bytes", self.block_bytes, 1, limits::BLOCK_BYTES_MAX)?;
        // What is held is indexed by `usize`, which has 32 bits on wasm.
        within("buffer-bytes", self.buffer_bytes, self.block_bytes, 2 << 30)?;
        let blocks_max = u64::from(limits::SEGMENT_BLOCKS_MAX);
        within("segment-blocks", self.segment_blocks.into(), 1, blocks_max)?;
        within("segment-bytes", self.segment_bytes.unwrap_or(1), 1, u64::MAX)?;
        within("in-flight", self.in_flight.into(), 1, limits::IN_FLIGHT_MAX.into())?;
        let (least, most) = (limits::LEASE_LEAST, limits::LEASE_MOST);
        let seconds = self.lease.unwrap_or(least).as_secs();
        within("seconds of lease", seconds, least.as_secs(), most.as_secs())?;
        if let Compaction::Hadoop14520 { above } = self.compaction {
            within("compact-above", above.into(), 1, limits::BLOB_BLOCKS_MAX.into())?;
        }
        let printable = self.content_type.bytes().all(|b| (b' '..=b'~').contains(&b));
        if self.content_type.is_empty() || !printable {
            let why = "content-type must be printable ASCII and not empty";
            return Err(Error::InvalidArgument(why.to_string()));
        }
        Ok(())
    }
}

fn within(name: &str, value: u64, least: u64, most: u64) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::InvalidArgument(format!("{name} is {value} and must be {least} to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_for_any_blocks_is_valid() {
        for layout in [None, Some(Layout::Append), Some(Layout::Block)] {
            for (block_bytes, in_flight) in [(1, 1), (100 << 20, 64), (64 << 20, 16)] {
                let buffer_bytes = Config::buffer_for(layout, block_bytes, in_flight);
                let config =
                    Config { layout, block_bytes, in_flight, buffer_bytes, ..Config::default() };
                assert_eq!(config.check(), Ok(()));
            }
        }
    }

    #[test]
    fn defaults_are_valid() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let config = Config { segment_blocks: 50_001, ..Config::default() };
        let Err(Error::InvalidArgument(why)) = config.check() else { panic!("accepted") };
        assert_eq!(why, "segment-blocks is 50001 and must be 1 to 50000");
        for config in [
            Config { block_bytes: 0, ..Config::default() },
            Config { block_bytes: (100 << 20) + 1, ..Config::default() },
            Config { buffer_bytes: 1, ..Config::default() },
            Config { segment_blocks: 0, ..Config::default() },
            Config { segment_bytes: Some(0), ..Config::default() },
            Config { content_type: "a\r\nb".to_string(), ..Config::default() },
        ] {
            assert!(config.check().is_err());
        }
    }
}
