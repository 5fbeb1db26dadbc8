//! Conversions between the types of the WIT interface and ours, one to one.

use crate::azure::credential::Credential;
use crate::azure::location::Location;
use crate::bindings::exports::everblob::append::append_stream as api;
use crate::call::Target;
use crate::error::Error;
use crate::stream::Position;
use crate::time::Span;
use crate::writer::{Compacted, Compaction, Config, Layout, Opened, Stats, Touched};

impl TryFrom<&api::Location> for Location {
    type Error = Error;

    fn try_from(location: &api::Location) -> Result<Self, Error> {
        Self::new(&location.endpoint, &location.container, &location.name)
    }
}

impl TryFrom<api::Credential> for Credential {
    type Error = Error;

    fn try_from(credential: api::Credential) -> Result<Self, Error> {
        match credential {
            api::Credential::Host => Ok(Self::Host),
            api::Credential::SharedAccessSignature(token) => Self::sas(&token),
            api::Credential::Bearer(token) => Self::bearer(&token),
            api::Credential::SharedKey(key) => Self::shared_key(&key.account, &key.key),
        }
    }
}

impl TryFrom<api::Options> for Config {
    type Error = Error;

    fn try_from(options: api::Options) -> Result<Self, Error> {
        let default = Self::default();
        let layout = options.layout.map(Layout::from);
        let block_bytes = options.block_bytes.unwrap_or(default.block_bytes);
        let in_flight = options.in_flight.unwrap_or(default.in_flight);
        let room = || Self::buffer_for(layout, block_bytes, in_flight);
        let compaction = match options.compaction {
            Some(api::Compaction::None) => Compaction::None,
            _ => match options.compact_above {
                Some(above) => Compaction::Hadoop14520 { above },
                None => default.compaction,
            },
        };
        Ok(Self {
            layout,
            create_container: options.create_container.unwrap_or(default.create_container),
            expected_end: options.expected_end,
            block_bytes,
            buffer_bytes: options.buffer_bytes.unwrap_or_else(room),
            segment_blocks: options.segment_blocks.unwrap_or(default.segment_blocks),
            segment_bytes: options.segment_bytes,
            segment_age: options.segment_age.map(Span),
            lease: options.lease.map(Span),
            patience: options.patience.map_or(default.patience, Span),
            content_type: options.content_type.unwrap_or(default.content_type),
            in_flight,
            compaction,
            discard_staged: options.discard_staged.unwrap_or(default.discard_staged),
        })
    }
}

impl From<Position> for api::Position {
    fn from(position: Position) -> Self {
        let Position { accepted, staged, committed, segment } = position;
        Self { accepted, staged, committed, segment }
    }
}

impl From<Opened> for api::Info {
    fn from(opened: Opened) -> Self {
        let Opened { layout, start, epoch, exclusive } = opened;
        Self { layout: layout.into(), start, epoch, exclusive }
    }
}

impl From<api::Layout> for Layout {
    fn from(layout: api::Layout) -> Self {
        match layout {
            api::Layout::Append => Self::Append,
            api::Layout::Block => Self::Block,
        }
    }
}

impl From<Layout> for api::Layout {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Append => Self::Append,
            Layout::Block => Self::Block,
        }
    }
}

impl From<Compacted> for api::CompactionReport {
    fn from(compacted: Compacted) -> Self {
        let Compacted { blocks_before, blocks_after, bytes_moved } = compacted;
        Self { blocks_before, blocks_after, bytes_moved }
    }
}

pub(super) fn segment(touched: &Touched, location: &Location) -> api::Segment {
    let Touched { target, start, length, blocks, closed } = *touched;
    let name = location.blob_name(target);
    let number = match target {
        Target::Segment(number) => number,
        Target::Stream => 1,
    };
    api::Segment { name, number, start, length, blocks, closed }
}

impl From<&Stats> for api::Stats {
    fn from(stats: &Stats) -> Self {
        let requests_by_kind = api::RequestCounts {
            append_block: stats.append_block,
            put_blob: stats.put_blob,
            set_metadata: stats.set_metadata,
            seal: stats.seal,
            get_properties: stats.get_properties,
            get_blob: stats.get_blob,
            list_blobs: stats.list_blobs,
            create_container: stats.create_container,
            put_block: stats.put_block,
            put_block_list: stats.put_block_list,
            get_block_list: stats.get_block_list,
            lease_blob: stats.lease_blob,
        };
        Self {
            requests: stats.requests(),
            requests_by_kind,
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

impl From<Error> for api::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::AccessDenied(why) => Self::AccessDenied(why),
            Error::BufferFull => Self::BufferFull,
            Error::Closed => Self::Closed,
            Error::Conflict(why) => Self::Conflict(why),
            Error::Diverged(why) => Self::Diverged(why),
            Error::EndsElsewhere(end) => Self::EndsElsewhere(end),
            Error::InvalidArgument(why) => Self::InvalidArgument(why),
            Error::NotFound(why) => Self::NotFound(why),
            Error::NotOpen => Self::NotOpen,
            Error::Other(why) => Self::Other(Some(why)),
            Error::Rewound(position) => Self::Rewound(position.into()),
            Error::Sealed => Self::Sealed,
            Error::Superseded(position) => Self::Superseded(position.into()),
            Error::TimedOut => Self::TimedOut,
            Error::Unauthenticated(why) => Self::Unauthenticated(why),
            Error::Unavailable(why) => Self::Unavailable(why),
            Error::UnknownOutcome(range, position) => Self::UnknownOutcome(api::Doubt {
                range: api::ByteRange { start: range.start, end: range.end },
                position: position.into(),
            }),
            Error::Unsupported(why) => Self::Unsupported(why),
        }
    }
}
