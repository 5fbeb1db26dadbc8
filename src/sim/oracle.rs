//! What must be true of a stream, whatever the weather was.
//!
//! Appenders own a stream one after the other. The bytes between where one began and where the
//! next one began are a *prefix* of what the first had taken, at least as long as what it had
//! reported as committed. That is all three promises at once: nothing acknowledged is lost,
//! nothing is stored twice or out of order, and nothing of an older appender comes after a newer
//! one has opened.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::stream::{Identity, Position};
use crate::writer::Opened;

/// One appender, from outside.
#[derive(Clone, Debug)]
struct Record {
    start: u64,
    taken: Vec<u8>,
    committed: u64,
    /// Where the stream must not go beyond by this appender: where the next one began.
    fence: Option<u64>,
}

/// Keeps the books.
#[derive(Clone, Debug, Default)]
pub(super) struct Oracle {
    /// By epoch, which orders appenders.
    records: BTreeMap<u64, Record>,
}

/// A segment as it is in the end.
pub(super) struct Stored {
    pub(super) identity: Identity,
    pub(super) bytes: Vec<u8>,
}

impl Oracle {
    /// An appender has opened the stream.
    pub(super) fn opened(&mut self, opened: Opened) -> Result<(), String> {
        let Opened { start, epoch, .. } = opened;
        for (older, record) in self.records.range_mut(..epoch) {
            if record.committed > start {
                let committed = record.committed;
                return Err(format!("epoch {epoch} begins at {start}, {older} had {committed}"));
            }
            record.fence = Some(record.fence.map_or(start, |fence| fence.min(start)));
        }
        let record = Record { start, taken: Vec::new(), committed: start, fence: None };
        match self.records.insert(epoch, record) {
            None => Ok(()),
            Some(_) => Err(format!("two appenders have epoch {epoch}")),
        }
    }

    /// An appender has taken bytes.
    pub(super) fn took(&mut self, epoch: u64, bytes: &[u8]) {
        let record = self.records.get_mut(&epoch).expect("only an open appender takes bytes");
        record.taken.extend_from_slice(bytes);
    }

    /// An appender says how far it is.
    pub(super) fn reported(&mut self, epoch: u64, position: Position) -> Result<(), String> {
        let record = self.records.get_mut(&epoch).expect("only an open appender reports");
        let accepted = record.start + record.taken.len() as u64;
        if position.accepted != accepted || position.committed > accepted {
            return Err(format!("epoch {epoch} took {accepted} and says {position:?}"));
        }
        if position.committed < record.committed {
            return Err(format!("epoch {epoch} went back from {}", record.committed));
        }
        if record.fence.is_some_and(|fence| position.committed > fence) {
            return Err(format!("epoch {epoch} commits past {:?}", record.fence));
        }
        record.committed = position.committed;
        Ok(())
    }

    /// The stream as it is stored in the end.
    pub(super) fn judge(&self, segments: &[Stored]) -> Result<(), String> {
        let mut content: Vec<u8> = Vec::new();
        for (index, segment) in segments.iter().enumerate() {
            let Identity { number, start, end, ended, .. } = segment.identity;
            if ended && index + 1 < segments.len() {
                return Err(format!("the stream ends with segment {number} and goes on"));
            }
            if number as usize != index + 1 || start != content.len() as u64 {
                return Err(format!("segment {number} at {start}, expected {}", content.len()));
            }
            content.extend_from_slice(&segment.bytes);
            if end.is_some_and(|end| end != content.len() as u64) {
                return Err(format!("segment {number} says {end:?}, ends at {}", content.len()));
            }
        }
        let starts = self.records.values().skip(1).map(|record| record.start);
        let ends = starts.chain([content.len() as u64]);
        for ((epoch, record), end) in self.records.iter().zip(ends) {
            let (from, to) = (record.start as usize, end as usize);
            let stored = content.get(from..to).ok_or("appenders begin beyond the end")?;
            if !record.taken.starts_with(stored) {
                return Err(format!(
                    "epoch {epoch}: {stored:?} is no prefix of {:?}",
                    record.taken
                ));
            }
            if end < record.committed {
                return Err(format!(
                    "epoch {epoch}: {} acknowledged, {end} kept",
                    record.committed
                ));
            }
        }
        Ok(())
    }
}
