//! What a writer has done, as counts that never decrease.

use crate::call::{Call, CallKind};

/// Counts since the writer was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// Append Block requests.
    pub append_block: u64,
    /// Put Blob requests.
    pub put_blob: u64,
    /// Set Blob Metadata requests.
    pub set_metadata: u64,
    /// Append Blob Seal requests.
    pub seal: u64,
    /// Get Blob Properties requests.
    pub get_properties: u64,
    /// Get Blob requests.
    pub get_blob: u64,
    /// List Blobs requests.
    pub list_blobs: u64,
    /// Create Container requests.
    pub create_container: u64,
    /// Requests repeated after a failure.
    pub retries: u64,
    /// Requests whose outcome was in doubt.
    pub doubts: u64,
    /// Answers that asked for a slower pace.
    pub throttled: u64,
    /// Bytes of bodies, repetitions included.
    pub bytes_sent: u64,
    /// Blocks committed.
    pub blocks: u64,
    /// Segments created.
    pub segments_created: u64,
}

impl Stats {
    /// All requests, repetitions included.
    pub const fn requests(&self) -> u64 {
        self.append_block
            + self.put_blob
            + self.set_metadata
            + self.seal
            + self.get_properties
            + self.get_blob
            + self.list_blobs
            + self.create_container
    }

    /// Counts a request that is sent.
    pub(super) fn count(&mut self, call: &Call) {
        let counter = match call.kind() {
            CallKind::AppendBlock => &mut self.append_block,
            CallKind::CreateAppendBlob => &mut self.put_blob,
            CallKind::SetMetadata => &mut self.set_metadata,
            CallKind::Seal => &mut self.seal,
            CallKind::GetProperties => &mut self.get_properties,
            CallKind::GetRange => &mut self.get_blob,
            CallKind::ListSegments => &mut self.list_blobs,
            CallKind::CreateContainer => &mut self.create_container,
        };
        *counter += 1;
        if let Call::AppendBlock { body, .. } = call {
            self.bytes_sent += body.0.len() as u64;
        }
    }
}
