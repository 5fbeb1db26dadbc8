//! Content as the model sees it: something with a length that can be cut. What it holds is the
//! affair of whoever made it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::call::Body;

/// A run of bytes, somewhere. Cloning it must not copy the bytes.
pub trait Extent: Clone {
    /// How many bytes it stands for.
    fn len(&self) -> u64;

    /// The part of `len` bytes at `offset`; the model only asks for what is there.
    #[must_use]
    fn slice(&self, offset: u64, len: u64) -> Self;

    /// Whether it stands for no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An extent in memory.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Slice {
    bytes: Arc<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Slice {
    /// The bytes it stands for.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }
}

impl From<Vec<u8>> for Slice {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Body(Arc::new(bytes)))
    }
}

impl From<Body> for Slice {
    fn from(body: Body) -> Self {
        Self { start: 0, end: body.0.len(), bytes: body.0 }
    }
}

impl Extent for Slice {
    fn len(&self) -> u64 {
        (self.end - self.start) as u64
    }

    fn slice(&self, offset: u64, len: u64) -> Self {
        let start = self.start + offset as usize;
        Self { bytes: Arc::clone(&self.bytes), start, end: start + len as usize }
    }
}
