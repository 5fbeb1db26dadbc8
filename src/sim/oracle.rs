//! What must be true of a stream, whatever the weather was.
//!
//! Appenders own a stream one after the other. The bytes between where one began and where the
//! next one began are a *prefix* of what the first had taken, at least as long as what it had
//! reported as committed. That is all three promises at once: nothing acknowledged is lost,
//! nothing is stored twice or out of order, and nothing of an older appender comes after a newer
//! one has opened.
//!
//! Where nobody is shut out (`protocol.md` O4) less is promised: what is acknowledged is at its
//! offset. Once something has happened that the first promise excludes, less still: a writer that
//! goes on and has no final error finds its bytes in the segment that it writes to.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::stream::{Identity, Position};
use crate::writer::Opened;

/// One appender, from outside.
#[derive(Clone, Debug)]
struct Record {
    epoch: u64,
    start: u64,
    taken: Vec<u8>,
    position: Position,
    /// Where the stream must not go beyond by this appender: where the next one began.
    fence: Option<u64>,
}

/// Keeps the books.
#[derive(Clone, Debug, Default)]
pub(super) struct Oracle {
    /// By writer; none of those that have not opened the stream.
    records: Vec<Option<Record>>,
    /// What the name held before.
    origin: Vec<u8>,
    /// The room of a writer, in bytes.
    room: u64,
    /// Nobody is shut out.
    open_to_all: bool,
    /// Something has happened that the first promise excludes.
    disturbed: bool,
}

/// A segment as it is stored.
pub(super) struct Stored {
    /// None if nobody of ours has claimed it.
    pub(super) identity: Option<Identity>,
    pub(super) bytes: Vec<u8>,
}

impl Oracle {
    pub(super) fn new(room: u64, open_to_all: bool) -> Self {
        Self { room, open_to_all, ..Self::default() }
    }

    /// What the name held before the stream began.
    pub(super) fn begins_with(&mut self, origin: Vec<u8>) {
        self.origin = origin;
    }

    /// Something has happened that the first promise excludes.
    pub(super) const fn disturb(&mut self) {
        self.disturbed = true;
    }

    pub(super) const fn is_disturbed(&self) -> bool {
        self.disturbed
    }

    /// A writer has opened the stream.
    pub(super) fn opened(&mut self, writer: usize, opened: Opened) -> Result<(), String> {
        let Opened { start, epoch, .. } = opened;
        if !self.open_to_all && !self.disturbed {
            for record in self.records.iter_mut().flatten() {
                record.follow(epoch, start)?;
            }
        }
        let position = Position { accepted: start, staged: start, committed: start, segment: 0 };
        let record = Record { epoch, start, taken: Vec::new(), position, fence: None };
        if self.records.len() <= writer {
            self.records.resize(writer + 1, None);
        }
        self.records[writer] = Some(record);
        Ok(())
    }

    /// A writer has taken bytes.
    pub(super) fn took(&mut self, writer: usize, bytes: &[u8]) {
        let record = self.record_mut(writer);
        record.taken.extend_from_slice(bytes);
        record.position.accepted += bytes.len() as u64;
    }

    /// Where a writer began, and all it has taken.
    pub(super) fn taken(&self, writer: usize) -> Option<(u64, Vec<u8>)> {
        let record = self.records.get(writer)?.as_ref()?;
        Some((record.start, record.taken.clone()))
    }

    /// A writer says how far it is.
    pub(super) fn reported(&mut self, writer: usize, position: Position) -> Result<(), String> {
        let (room, disturbed) = (self.room, self.disturbed);
        let record = self.record_mut(writer);
        if position == record.position {
            return Ok(());
        }
        let Position { accepted, committed, staged, segment } = position;
        let before = record.position;
        if accepted != before.accepted || committed > staged || staged > accepted {
            return Err(format!("writer {writer} was at {before:?} and says {position:?}"));
        }
        if committed < before.committed || segment < before.segment {
            return Err(format!("writer {writer} went back from {before:?} to {position:?}"));
        }
        if accepted - committed > room {
            return Err(format!("writer {writer} holds more than {room}: {position:?}"));
        }
        if record.fence.is_some_and(|fence| committed > fence) && !disturbed {
            return Err(format!("writer {writer} commits past {:?}", record.fence));
        }
        record.position = position;
        Ok(())
    }

    fn record_mut(&mut self, writer: usize) -> &mut Record {
        let record = self.records.get_mut(writer).and_then(Option::as_mut);
        record.expect("only an open writer takes bytes and reports")
    }

    /// The stream as it is stored, at any time before it was disturbed.
    pub(super) fn judge(&self, segments: &[Stored]) -> Result<(), String> {
        let content = chain(segments)?;
        let start = self.records.iter().flatten().map(|record| record.start).min();
        let begun = start.unwrap_or(content.len() as u64) as usize;
        if content.get(..begun) != Some(&self.origin) {
            return Err(format!("{content:?} begins at {begun} with {:?}", self.origin));
        }
        if self.open_to_all {
            return self.records.iter().flatten().try_for_each(|record| record.is_in(&content));
        }
        let mut records: Vec<&Record> = self.records.iter().flatten().collect();
        records.sort_by_key(|record| record.epoch);
        let starts = records.iter().skip(1).map(|record| record.start);
        let ends = starts.chain([content.len() as u64]);
        records.iter().zip(ends).try_for_each(|(record, end)| record.ends_at(end, &content))
    }

    /// The bytes of the segment that a writer writes to, which begins at `start`, after it was
    /// disturbed: what the writer says is committed is there.
    pub(super) fn kept(&self, writer: usize, start: u64, segment: &[u8]) -> Result<(), String> {
        let Some(Some(record)) = self.records.get(writer) else { return Ok(()) };
        let from = record.start.max(start);
        let committed = record.position.committed;
        if committed <= from {
            return Ok(());
        }
        let stored = segment.get((from - start) as usize..(committed - start) as usize);
        let taken =
            &record.taken[(from - record.start) as usize..(committed - record.start) as usize];
        if stored == Some(taken) {
            return Ok(());
        }
        Err(format!("writer {writer} has {taken:?} committed at {from}, and stored is {stored:?}"))
    }
}

impl Record {
    /// An appender of this epoch begins there.
    fn follow(&mut self, epoch: u64, start: u64) -> Result<(), String> {
        let Self { epoch: older, position: Position { committed, .. }, .. } = *self;
        if older == epoch {
            return Err(format!("two appenders have epoch {epoch}"));
        }
        if older < epoch {
            if committed > start {
                return Err(format!("epoch {epoch} begins at {start}, {older} had {committed}"));
            }
            self.fence = Some(self.fence.map_or(start, |fence| fence.min(start)));
        }
        Ok(())
    }

    /// What is stored of it goes so far.
    fn ends_at(&self, end: u64, content: &[u8]) -> Result<(), String> {
        let Self { epoch, taken, position, .. } = self;
        let stored = content.get(self.start as usize..end as usize);
        let stored = stored.ok_or("appenders begin beyond the end")?;
        if !taken.starts_with(stored) {
            return Err(format!("epoch {epoch}: {stored:?} is no prefix of {taken:?}"));
        }
        if end < position.committed {
            return Err(format!("epoch {epoch}: {} acknowledged, {end} kept", position.committed));
        }
        Ok(())
    }

    /// What it has acknowledged is at its offset.
    fn is_in(&self, content: &[u8]) -> Result<(), String> {
        let Self { start, position: Position { committed, .. }, .. } = *self;
        let stored = content.get(start as usize..committed as usize);
        let acknowledged = &self.taken[..(committed - start) as usize];
        if stored == Some(acknowledged) {
            return Ok(());
        }
        Err(format!("{acknowledged:?} was acknowledged at {start}, and stored is {stored:?}"))
    }
}

/// The bytes of segments that follow each other as they say.
fn chain(segments: &[Stored]) -> Result<Vec<u8>, String> {
    let mut content: Vec<u8> = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let before = content.len() as u64;
        content.extend_from_slice(&segment.bytes);
        let Some(identity) = &segment.identity else {
            if index > 0 {
                return Err(format!("segment {} is nobody's", index + 1));
            }
            continue;
        };
        let Identity { number, start, end, ended, .. } = *identity;
        if ended && index + 1 < segments.len() {
            return Err(format!("the stream ends with segment {number} and goes on"));
        }
        if number as usize != index + 1 || start != before {
            return Err(format!("segment {number} at {start}, expected {before}"));
        }
        if end.is_some_and(|end| end != content.len() as u64) {
            return Err(format!("segment {number} says {end:?}, ends at {}", content.len()));
        }
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::Layout;
    use alloc::vec;

    fn opened(start: u64, epoch: u64) -> Opened {
        Opened { layout: Layout::Append, start, epoch, exclusive: true }
    }

    fn at(accepted: u64, committed: u64) -> Position {
        Position { accepted, staged: committed, committed, segment: 1 }
    }

    fn stored(bytes: &[u8]) -> Vec<Stored> {
        vec![Stored { identity: None, bytes: bytes.to_vec() }]
    }

    /// One writer that took `abcd` and acknowledged `committed` of it.
    fn oracle(committed: u64) -> Oracle {
        let mut oracle = Oracle::new(24, false);
        oracle.opened(0, opened(0, 1)).unwrap();
        oracle.took(0, b"abcd");
        oracle.reported(0, at(4, committed)).unwrap();
        oracle
    }

    #[test]
    fn a_prefix_is_kept_and_not_less_than_was_acknowledged() {
        for bytes in [&b"ab"[..], b"abc", b"abcd"] {
            assert_eq!(oracle(2).judge(&stored(bytes)), Ok(()));
        }
        for bytes in [&b""[..], b"a", b"ac", b"abb", b"aabb", b"ababcd", b"abcdd", b"bacd"] {
            assert!(oracle(2).judge(&stored(bytes)).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_newer_writer_cuts_off_an_older_one() {
        let mut oracle = oracle(2);
        assert!(oracle.clone().opened(1, opened(1, 2)).is_err(), "acknowledged bytes are lost");
        oracle.opened(1, opened(3, 2)).unwrap();
        assert!(oracle.clone().reported(0, at(4, 4)).is_err(), "it commits after the newer opened");
        oracle.took(1, b"xy");
        assert_eq!(oracle.judge(&stored(b"abcxy")), Ok(()));
        assert!(oracle.judge(&stored(b"abcdxy")).is_err());
        assert!(oracle.clone().opened(2, opened(5, 2)).is_err(), "the epoch is taken");
    }

    #[test]
    fn watermarks_only_grow_and_room_is_kept() {
        let mut it = oracle(2);
        for wrong in [at(4, 1), at(3, 2), at(5, 2), at(4, 5)] {
            assert!(it.clone().reported(0, wrong).is_err(), "{wrong:?}");
        }
        it.took(0, &[b'a'; 30]);
        assert!(it.clone().reported(0, at(34, 3)).is_err());
        assert_eq!(it.reported(0, at(34, 10)), Ok(()));
    }

    #[test]
    fn where_nobody_is_shut_out_what_is_acknowledged_is_at_its_offset() {
        let mut oracle = Oracle { open_to_all: true, ..oracle(2) };
        oracle.opened(1, opened(2, 1)).unwrap();
        oracle.took(1, b"xy");
        oracle.reported(1, at(4, 4)).unwrap();
        assert_eq!(oracle.judge(&stored(b"abxycd")), Ok(()));
        assert!(oracle.judge(&stored(b"abcdxy")).is_err());
    }

    #[test]
    fn what_the_name_held_before_stays() {
        let mut oracle = Oracle::new(24, false);
        oracle.begins_with(b"log".to_vec());
        assert_eq!(oracle.judge(&stored(b"log")), Ok(()));
        assert!(oracle.judge(&stored(b"lo")).is_err());
        oracle.opened(0, opened(3, 1)).unwrap();
        oracle.took(0, b"a");
        assert_eq!(oracle.judge(&stored(b"loga")), Ok(()));
        assert!(oracle.judge(&stored(b"logs")).is_err());
    }

    #[test]
    fn after_a_disturbance_a_writer_without_an_error_finds_its_bytes() {
        let mut oracle = oracle(4);
        oracle.disturb();
        assert_eq!(oracle.kept(0, 0, b"abcd"), Ok(()));
        assert_eq!(oracle.kept(0, 2, b"cd"), Ok(()));
        assert!(oracle.kept(0, 2, b"c").is_err());
        assert!(oracle.kept(0, 2, b"dd").is_err());
    }
}
