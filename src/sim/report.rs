//! What a run came to.

use alloc::string::String;
use alloc::vec::Vec;

use crate::sim::weather::Met;

/// Counts of a run, or of many.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// How often each fault was met.
    pub met: Met,
    /// Runs of the block layout; the others are of the append layout.
    pub block: u64,
    /// Runs in which something happened that the first promise excludes.
    pub disturbed: u64,
    /// Events handled.
    pub events: u64,
    /// Appends taken.
    pub appends: u64,
    /// Segments in the end.
    pub segments: u64,
    /// How often the whole stream was read and held against what was acknowledged.
    pub judged: u64,
    /// Ranges read, to compare or to merge.
    pub reads: u64,
    /// Blocks that were merged.
    pub merges: u64,
    /// Requests about leases.
    pub leases: u64,
    /// Writers that opened the stream.
    pub opened: u64,
    /// Writers that learned that they were superseded.
    pub superseded: u64,
    /// Writers that could not know what became of their last bytes.
    pub unknown: u64,
    /// Writers that found the stream ended, or a blob that is no stream, or one that ends elsewhere.
    pub refused: u64,
    /// Writers that found that something else has changed the stream, or that it went back.
    pub noticed: u64,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
}

impl Report {
    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.met.add(&other.met);
        self.block += other.block;
        self.disturbed += other.disturbed;
        self.events += other.events;
        self.appends += other.appends;
        self.segments += other.segments;
        self.judged += other.judged;
        self.reads += other.reads;
        self.merges += other.merges;
        self.leases += other.leases;
        self.opened += other.opened;
        self.superseded += other.superseded;
        self.unknown += other.unknown;
        self.refused += other.refused;
        self.noticed += other.noticed;
    }
}

/// A promise that was broken.
#[derive(Debug)]
pub struct Broken {
    /// Which, and when.
    pub promise: String,
    /// The run until then.
    pub report: Report,
}
