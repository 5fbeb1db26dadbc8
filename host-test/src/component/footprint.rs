//! What an instance holds of the host: its linear memory and its resources.

use wasmtime::ResourceLimiter;

/// What an instance of the component holds, for whoever watches a long run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Footprint {
    /// Bytes of linear memory. It never shrinks.
    pub memory_bytes: usize,
    /// Resources of the host that the component has handles of: requests, answers, bodies, streams
    /// and what they hold.
    pub resources: usize,
}

/// Counts linear memory, and limits nothing.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) bytes: usize,
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.bytes += desired.saturating_sub(current);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(true)
    }
}
