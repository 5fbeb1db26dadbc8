//! From the blobs of a listing to the streams that they make up.
//!
//! Invariants: a blob belongs to a stream only if its type, its name and its metadata say so alike
//! (`protocol.md` I1, I2); what is held are the streams that are not complete, which are at most as
//! many as a name has slashes. Both rest on the order of a listing: all names that begin alike come
//! in one run.

use everblob::azure::date;
use everblob::time::UnixTime;
use serde::{Serialize, Serializer};

use super::listing::Listed;
use super::{Layout, Metadata, segment_number};

/// What a listing shows: a stream, or a blob that is not Everblob's.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// The name of the stream, or of the blob.
    pub name: String,
    /// How the stream is stored; `None` for a blob that is not Everblob's.
    pub layout: Option<Layout>,
    /// How many blobs hold the stream.
    pub segments: Option<u64>,
    /// How many bytes there are.
    pub bytes: u64,
    /// Whether the stream was ended for good.
    pub sealed: Option<bool>,
    /// When one of the blobs was written last, by the clock of the service.
    #[serde(serialize_with = "iso8601")]
    pub modified: Option<UnixTime>,
    /// The type of a blob that is not Everblob's, in the service's word: `BlockBlob`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob_type: Option<String>,
}

fn iso8601<S: Serializer>(time: &Option<UnixTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(date::format_iso8601).serialize(serializer)
}

impl Entry {
    /// A blob that is a stream by itself, or none.
    fn of_blob(blob: Listed) -> Self {
        let metadata = Metadata::of_pairs(&blob.metadata);
        let ours = metadata.stream.is_some()
            && metadata.layout == Some(Layout::Block)
            && blob.kind == "BlockBlob";
        Self {
            name: blob.name,
            layout: ours.then_some(Layout::Block),
            segments: ours.then_some(1),
            bytes: blob.bytes,
            sealed: ours.then_some(metadata.ended),
            modified: blob.modified,
            blob_type: (!ours).then_some(blob.kind),
        }
    }
}

/// Takes the blobs of a container in their order and gives its streams.
#[derive(Default)]
pub(super) struct Folding {
    /// The streams that may go on: the name of each, with a slash, begins the name of the next.
    open: Vec<Chain>,
}

impl Folding {
    /// Takes the next blob. What is complete by then goes to `entries`.
    pub(super) fn take(&mut self, blob: Listed, entries: &mut Vec<Entry>) {
        while let Some(chain) = self.open.pop_if(|chain| !chain.is_above(&blob.name)) {
            entries.push(chain.into());
        }
        let Some(segment) = Segment::of(&blob) else {
            entries.push(Entry::of_blob(blob));
            return;
        };
        match self.open.last_mut().filter(|chain| chain.name == segment.stream) {
            Some(chain) => chain.take(&segment),
            None => self.open.push(Chain::new(&segment)),
        }
    }

    /// There are no more blobs.
    pub(super) fn end(&mut self, entries: &mut Vec<Entry>) {
        entries.extend(self.open.drain(..).rev().map(Entry::from));
    }
}

/// A segment of the append layout.
struct Segment<'a> {
    stream: &'a str,
    number: u32,
    start: u64,
    bytes: u64,
    ended: bool,
    modified: Option<UnixTime>,
}

impl<'a> Segment<'a> {
    /// The segment that a blob is, if it is one. A copy under a name with another number is none.
    fn of(blob: &'a Listed) -> Option<Self> {
        let (stream, number) = blob.name.rsplit_once('/')?;
        let number = segment_number(number)?;
        let metadata = Metadata::of_pairs(&blob.metadata);
        metadata.stream.as_ref()?;
        let fits = metadata.layout == Some(Layout::Append)
            && metadata.number == Some(number)
            && blob.kind == "AppendBlob";
        fits.then_some(Self {
            stream,
            number,
            start: metadata.start?,
            bytes: blob.bytes,
            ended: metadata.ended,
            modified: blob.modified,
        })
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes)
    }
}

/// The segments of one stream that were seen, in no order: as text, 10 is before 2.
struct Chain {
    name: String,
    segments: u64,
    /// The sum of their lengths.
    bytes: u64,
    /// The number and the start of the first.
    first: (u32, u64),
    /// The number and the end of the last.
    last: (u32, u64),
    /// Whether the last is the end of the stream.
    ended: bool,
    modified: Option<UnixTime>,
}

impl Chain {
    fn new(segment: &Segment<'_>) -> Self {
        Self {
            name: segment.stream.to_owned(),
            segments: 1,
            bytes: segment.bytes,
            first: (segment.number, segment.start),
            last: (segment.number, segment.end()),
            ended: segment.ended,
            modified: segment.modified,
        }
    }

    fn take(&mut self, segment: &Segment<'_>) {
        self.segments += 1;
        self.bytes = self.bytes.saturating_add(segment.bytes);
        self.first = self.first.min((segment.number, segment.start));
        self.modified = self.modified.max(segment.modified);
        if segment.number > self.last.0 {
            self.last = (segment.number, segment.end());
            self.ended = segment.ended;
        }
    }

    /// Whether a blob of this name may be a segment, or lie between two.
    fn is_above(&self, blob: &str) -> bool {
        blob.strip_prefix(&self.name).is_some_and(|rest| rest.starts_with('/'))
    }

    /// How many bytes there are. A listing is not of one moment: where no segment is missing, the
    /// last one tells how long those before it have become.
    fn bytes(&self) -> u64 {
        let whole = u64::from(self.last.0 - self.first.0) + 1 == self.segments;
        if whole { self.last.1.saturating_sub(self.first.1) } else { self.bytes }
    }
}

impl From<Chain> for Entry {
    fn from(chain: Chain) -> Self {
        Self {
            layout: Some(Layout::Append),
            segments: Some(chain.segments),
            bytes: chain.bytes(),
            sealed: Some(chain.ended),
            modified: chain.modified,
            blob_type: None,
            name: chain.name,
        }
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
