//! The host's own reads: what streams there are, what one consists of, and its bytes.
//!
//! The component appends; until it has an interface to read, `cat`, `ls` and `stat` read with
//! requests of the host. Invariants: nothing here writes; the bytes of a stream are given in order
//! and without a gap, or the answer is [`Error::Diverged`]; a read is repeated only if it changes
//! nothing, which all of these do.

mod entry;
mod error;
mod lister;
mod listing;
mod request;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::{HeaderMap, Method};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::address::{ContainerAddress, StreamAddress};
use crate::component::stream;
use crate::credential::Credential;
use crate::outgoing::Outgoing;

use self::listing::Listed;
use self::request::{Answer, Exchanges};

pub use self::entry::Entry;
pub use self::error::Error;
pub use self::lister::Lister;

/// How many bytes one request reads at most: large enough for full speed, small enough to repeat.
pub const READ_BYTES_MAX: u64 = 8 << 20;
/// Requests for properties that are under way at a time.
const LOOKS_AT_A_TIME: usize = 16;

/// How a stream is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Numbered append blobs.
    Append,
    /// One block blob.
    Block,
}

impl Layout {
    /// Its name, as metadata, reports and options have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Block => "block",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Append, Self::Block].into_iter().find(|layout| layout.name() == name)
    }
}

impl From<stream::Layout> for Layout {
    fn from(layout: stream::Layout) -> Self {
        match layout {
            stream::Layout::Append => Self::Append,
            stream::Layout::Block => Self::Block,
        }
    }
}

/// A blob that holds a part of a stream.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Segment {
    /// The name of the blob.
    pub name: String,
    /// The stream offset of its first byte.
    pub start: u64,
    /// How many blocks it has, once they were counted.
    pub blocks: u32,
    /// How many bytes it has.
    pub bytes: u64,
    /// Whether it is closed: nothing can be appended to it any more.
    pub closed: bool,
    #[serde(skip)]
    epoch: Option<u64>,
    #[serde(skip)]
    ended: bool,
    #[serde(skip)]
    stream: Option<String>,
}

/// A stream as it was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stream {
    /// How it is stored.
    pub layout: Layout,
    /// Its parts, in order; at least one.
    pub segments: Vec<Segment>,
}

impl Stream {
    /// The offset past the last byte.
    pub fn length(&self) -> u64 {
        self.segments.last().map_or(0, |last| last.start + last.bytes)
    }

    /// The place of the stream's owner in the order of all that have opened it, if it has one.
    pub fn epoch(&self) -> Option<u64> {
        self.segments.last().and_then(|last| last.epoch)
    }

    /// Whether the stream was ended for good.
    pub fn is_sealed(&self) -> bool {
        self.segments.last().is_some_and(|last| last.ended)
    }
}

/// Reads one stream. Clones share everything.
#[derive(Clone)]
pub struct Reader {
    exchanges: Arc<Exchanges>,
    name: Arc<str>,
}

impl Reader {
    /// A reader of the stream at `address`. Trouble that passes is waited out for `patience`.
    pub fn new(
        outgoing: Arc<Outgoing>,
        address: StreamAddress,
        credential: Credential,
        patience: Duration,
    ) -> Self {
        let (container, name) = (ContainerAddress::clone(&address), address.name().into());
        let exchanges = Exchanges::new(outgoing, container, credential, patience);
        Self { exchanges: Arc::new(exchanges), name }
    }

    /// Finds out what the stream consists of, `None` if it is not there. Blocks are not counted.
    ///
    /// # Errors
    /// The service cannot be reached or refuses, or what is there is not one stream.
    pub async fn find(&self) -> Result<Option<Stream>, Error> {
        let segments = match self.list().await {
            // A signature without the permission to list still allows to look at each.
            Err(Error::Refused { status: 401 | 403, .. }) => self.walk().await,
            segments => segments,
        };
        match segments {
            Ok(segments) if segments.is_empty() => self.find_block_blob().await,
            Ok(segments) => {
                let segments = self.reconcile(segments).await?;
                Ok(Some(Stream { layout: Layout::Append, segments }))
            }
            Err(Error::NotFound(_)) => Ok(None),
            // What is below the name may be another's, or closed to a signature for one blob.
            Err(err @ (Error::Conflict(_) | Error::Refused { status: 401 | 403, .. })) => {
                self.find_block_blob().await.ok().flatten().map_or(Err(err), |it| Ok(Some(it)))
            }
            Err(err) => Err(err),
        }
    }

    /// As [`Self::find`], with the blocks counted.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn inspect(&self) -> Result<Option<Stream>, Error> {
        let Some(mut stream) = self.find().await? else { return Ok(None) };
        match stream.layout {
            Layout::Append => {
                let mut segments = self.look(&stream.segments).await?;
                for (segment, found) in segments.iter_mut().zip(&stream.segments) {
                    segment.start = found.start;
                }
                stream.segments = self.reconcile(segments).await?;
            }
            Layout::Block => {
                for segment in &mut stream.segments {
                    let sizes = self.block_sizes(&segment.name).await?;
                    segment.blocks = u32::try_from(sizes.len())
                        .map_err(|_| Error::Malformed("too many blocks".into()))?;
                }
            }
        }
        Ok(Some(stream))
    }

    /// Reads a range of a segment that the segment has, at most [`READ_BYTES_MAX`].
    ///
    /// # Errors
    /// The service cannot be reached or refuses, or the blob has become shorter.
    pub async fn read(&self, segment: &Segment, range: Range<u64>) -> Result<Bytes, Error> {
        let last = range.end - 1;
        let headers = vec![("x-ms-range".into(), format!("bytes={}-{last}", range.start))];
        let answer = self.exchanges.run(Method::GET, Some(&segment.name), &[], headers).await?;
        if answer.body.len() as u64 != range.end - range.start {
            return Err(Error::Diverged(format!("{} became shorter", segment.name)));
        }
        Ok(answer.body)
    }

    /// The sizes of the committed blocks of a block blob, in bytes and in order. A blob made by one
    /// Put Blob has none.
    ///
    /// # Errors
    /// The service cannot be reached or refuses, or it is another kind of blob.
    pub async fn block_sizes(&self, name: &str) -> Result<Vec<u64>, Error> {
        let query = [("comp", "blocklist"), ("blocklisttype", "committed")];
        let answer = self.exchanges.run(Method::GET, Some(name), &query, Vec::new()).await?;
        listing::block_sizes(&answer.text()?)
    }

    /// The segments that a listing shows, in order.
    async fn list(&self) -> Result<Vec<Segment>, Error> {
        let prefix = format!("{}/", self.name);
        let mut listed = Vec::new();
        let mut marker = String::new();
        loop {
            let mut query = vec![
                ("restype", "container"),
                ("comp", "list"),
                ("prefix", &prefix),
                ("include", "metadata"),
            ];
            if !marker.is_empty() {
                query.push(("marker", &marker));
            }
            let answer = self.exchanges.run(Method::GET, None, &query, Vec::new()).await?;
            let page = listing::parse(&answer.text()?)?;
            listed.extend(page.blobs.into_iter().filter_map(|blob| {
                let number = segment_number(blob.name.strip_prefix(&prefix)?)?;
                Some((number, blob))
            }));
            if page.next_marker.is_empty() {
                break;
            }
            marker = page.next_marker;
        }
        listed.sort_by_key(|(number, _)| *number);
        chain(listed)
    }

    /// The segments one after the other, for those who may not list.
    async fn walk(&self) -> Result<Vec<Segment>, Error> {
        let mut segments: Vec<Segment> = Vec::new();
        loop {
            let number = segments.len() + 1;
            let name = format!("{}/{number}", self.name);
            let start = segments.last().map_or(0, |last| last.start + last.bytes);
            match self.properties(&name).await {
                Ok(answer) => segments.push(append_segment(name, start, &answer.headers)?),
                Err(Error::NotFound(_)) => return Ok(segments),
                Err(err) => return Err(err),
            }
        }
    }

    async fn find_block_blob(&self) -> Result<Option<Stream>, Error> {
        let name = self.name.to_string();
        let answer = match self.properties(&name).await {
            Ok(answer) => answer,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(err) => return Err(err),
        };
        let kind = header(&answer.headers, "x-ms-blob-type").unwrap_or_default();
        if kind != "BlockBlob" {
            return Err(Error::Conflict(format!("{name} is not a stream: its type is {kind}")));
        }
        let metadata = Metadata::of_headers(&answer.headers);
        let bytes = content_length(&answer.headers)?;
        let segment = metadata.segment(name, 0, bytes, 0, false);
        Ok(Some(Stream { layout: Layout::Block, segments: vec![segment] }))
    }

    /// Looks at every segment again, several at a time.
    async fn look(&self, segments: &[Segment]) -> Result<Vec<Segment>, Error> {
        let mut looked = Vec::with_capacity(segments.len());
        for some in segments.chunks(LOOKS_AT_A_TIME) {
            let mut looks = JoinSet::new();
            for (index, segment) in some.iter().enumerate() {
                let (reader, segment) = (self.clone(), segment.clone());
                looks.spawn(async move {
                    let answer = reader.properties(&segment.name).await;
                    (
                        index,
                        answer
                            .and_then(|a| append_segment(segment.name, segment.start, &a.headers)),
                    )
                });
            }
            let mut found = looks.join_all().await;
            found.sort_by_key(|(index, _)| *index);
            for (_, segment) in found {
                looked.push(segment?);
            }
        }
        Ok(looked)
    }

    /// Makes sure that each segment begins where the one before it ends. A listing is not of one
    /// moment: a segment that has a successor is closed and is looked at again.
    async fn reconcile(&self, mut segments: Vec<Segment>) -> Result<Vec<Segment>, Error> {
        for index in 1..segments.len() {
            let (before, after) = (&segments[index - 1], &segments[index]);
            if before.stream != after.stream {
                let (before, after) = (&before.name, &after.name);
                return Err(Error::Diverged(format!("{after} is not of the stream of {before}")));
            }
            if before.start + before.bytes == after.start {
                continue;
            }
            let answer = self.properties(&before.name).await?;
            let again = append_segment(before.name.clone(), before.start, &answer.headers)?;
            let end = again.start + again.bytes;
            if end != after.start {
                return Err(Error::Diverged(format!(
                    "{} ends at {end}, and {} begins at {}",
                    again.name, after.name, after.start
                )));
            }
            segments[index - 1] = again;
        }
        Ok(segments)
    }

    async fn properties(&self, name: &str) -> Result<Answer, Error> {
        self.exchanges.run(Method::HEAD, Some(name), &[], Vec::new()).await
    }
}

/// The number of a segment: a natural number without leading zeros.
fn segment_number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().ok() } else { None }
}

/// The segments 1, 2, 3 and so on of what was listed.
fn chain(listed: Vec<(u32, Listed)>) -> Result<Vec<Segment>, Error> {
    let mut segments: Vec<Segment> = Vec::new();
    for (number, blob) in listed {
        let metadata = Metadata::of_pairs(&blob.metadata);
        let expected = segments.len() as u64 + 1;
        if u64::from(number) != expected {
            // Without our metadata it is somebody else's blob under a name like ours.
            if metadata.stream.is_none() {
                continue;
            }
            return Err(Error::Diverged(format!(
                "{} exists, segment {expected} does not",
                blob.name
            )));
        }
        if blob.kind != "AppendBlob" {
            return Err(not_append(&blob.name, &blob.kind));
        }
        let start = segments.last().map_or(0, |last| last.start + last.bytes);
        segments.push(metadata.segment(blob.name, start, blob.bytes, 0, blob.sealed));
    }
    Ok(segments)
}

fn append_segment(name: String, start: u64, headers: &HeaderMap) -> Result<Segment, Error> {
    let kind = header(headers, "x-ms-blob-type").unwrap_or_default();
    if kind != "AppendBlob" {
        return Err(not_append(&name, kind));
    }
    let blocks = header(headers, "x-ms-blob-committed-block-count");
    let blocks = blocks.and_then(|blocks| blocks.parse().ok()).unwrap_or(0);
    let sealed = header(headers, "x-ms-blob-sealed") == Some("true");
    let metadata = Metadata::of_headers(headers);
    Ok(metadata.segment(name, start, content_length(headers)?, blocks, sealed))
}

fn not_append(name: &str, kind: &str) -> Error {
    Error::Conflict(format!("{name} is not the segment of a stream: its type is {kind}"))
}

fn content_length(headers: &HeaderMap) -> Result<u64, Error> {
    header(headers, "content-length")
        .and_then(|length| length.parse().ok())
        .ok_or_else(|| Error::Malformed("the answer does not say how long the blob is".into()))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What the component notes of a segment in the blob's metadata.
#[derive(Default)]
struct Metadata {
    stream: Option<String>,
    layout: Option<Layout>,
    number: Option<u32>,
    start: Option<u64>,
    epoch: Option<u64>,
    end: bool,
    ended: bool,
}

impl Metadata {
    fn of_headers(headers: &HeaderMap) -> Self {
        let value = |name: &str| header(headers, &format!("x-ms-meta-{name}"));
        Self::of(value)
    }

    fn of_pairs(pairs: &[(String, String)]) -> Self {
        Self::of(|name| {
            pairs.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
        })
    }

    fn of<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Self {
        Self {
            stream: value("everblobstream").map(Into::into),
            layout: value("everbloblayout").and_then(Layout::named),
            number: value("everblobnumber").and_then(segment_number),
            start: value("everblobstart").and_then(|start| start.parse().ok()),
            epoch: value("everblobepoch").and_then(|epoch| epoch.parse().ok()),
            end: value("everblobend").is_some(),
            ended: value("everblobended").is_some(),
        }
    }

    /// The segment, which begins at `start` if it does not say where itself.
    fn segment(self, name: String, start: u64, bytes: u64, blocks: u32, sealed: bool) -> Segment {
        Segment {
            name,
            start: self.start.unwrap_or(start),
            blocks,
            bytes,
            closed: sealed || self.end,
            epoch: self.epoch,
            ended: self.ended,
            stream: self.stream,
        }
    }
}

#[cfg(test)]
mod tests;
