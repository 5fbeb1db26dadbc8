//! The options of a stream, none of which has to be given.

use super::stream::Options;

/// What the component does unless it is told otherwise.
impl Default for Options {
    fn default() -> Self {
        Self {
            layout: None,
            create_container: None,
            expected_end: None,
            block_bytes: None,
            buffer_bytes: None,
            segment_blocks: None,
            segment_bytes: None,
            segment_age: None,
            lease: None,
            patience: None,
            content_type: None,
            in_flight: None,
            compaction: None,
            compact_above: None,
            discard_staged: None,
            checksums: None,
        }
    }
}
