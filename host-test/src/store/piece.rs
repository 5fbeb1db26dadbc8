//! The store's extents: bytes in memory, or a place in the journal file.
//!
//! Invariant: the place that a piece names was written whole before the piece was made, and the
//! journal only ever loses what no piece names.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use everblob::sim::service::Extent;

/// Some of a blob's content.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// Bytes at hand.
    Memory(Bytes),
    /// Bytes of the journal.
    File {
        /// The journal.
        source: Arc<Source>,
        /// Where in the file they begin.
        offset: u64,
        /// How many they are.
        length: u64,
    },
}

impl Extent for Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    fn slice(&self, offset: u64, len: u64) -> Self {
        match self {
            Self::Memory(bytes) => {
                let start = offset as usize;
                Self::Memory(bytes.slice(start..start + len as usize))
            }
            Self::File { source, offset: start, .. } => {
                let source = Arc::clone(source);
                Self::File { source, offset: start + offset, length: len }
            }
        }
    }
}

impl Piece {
    /// The bytes, read if they are in the file.
    pub(super) fn bytes(&self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::File { source, offset, length } => source.read(*offset, *length),
        }
    }
}

/// A handle for reading the journal, apart from the one that writes.
#[derive(Debug)]
pub(super) struct Source(Mutex<File>);

impl Source {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Mutex::new).map(Self)
    }

    fn read(&self, offset: u64, length: u64) -> io::Result<Bytes> {
        let mut bytes = vec![0; length as usize];
        let mut file = self.0.lock().expect("reading does not panic");
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}
