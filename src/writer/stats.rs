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
    /// Put Block requests.
    pub put_block: u64,
    /// Put Block List requests.
    pub put_block_list: u64,
    /// Get Block List requests.
    pub get_block_list: u64,
    /// Lease Blob requests.
    pub lease_blob: u64,
    /// Requests repeated after a failure.
    pub retries: u64,
    /// Requests whose outcome was in doubt.
    pub doubts: u64,
    /// Answers that asked for a slower pace.
    pub throttled: u64,
    /// Bytes of bodies, repetitions included.
    pub bytes_sent: u64,
    /// Blocks of new bytes committed.
    pub blocks: u64,
    /// Segments created.
    pub segments_created: u64,
    /// Block lists committed, that of a new blob included.
    pub commits: u64,
    /// Bytes of block lists sent, repetitions included.
    pub block_list_bytes: u64,
    /// Blocks that were merged into larger ones.
    pub merged_blocks: u64,
    /// Bytes read to merge them.
    pub merged_bytes_down: u64,
    /// Bytes staged to merge them.
    pub merged_bytes_up: u64,
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
            + self.put_block
            + self.put_block_list
            + self.get_block_list
            + self.lease_blob
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
            CallKind::PutBlock => &mut self.put_block,
            CallKind::PutBlockList => &mut self.put_block_list,
            CallKind::GetBlockList => &mut self.get_block_list,
            CallKind::CreateContainer => &mut self.create_container,
            CallKind::Lease => &mut self.lease_blob,
        };
        *counter += 1;
    }

    /// Counts the body of a request that is sent.
    pub(super) const fn sent(&mut self, kind: Option<CallKind>, bytes: u64) {
        self.bytes_sent += bytes;
        if matches!(kind, Some(CallKind::PutBlockList)) {
            self.block_list_bytes += bytes;
        }
    }
}
