//! What is written: numbered records, so that one that is missing, doubled or misplaced is seen.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use everblob_host::address::StreamAddress;
use everblob_host::credential::Credential;
use everblob_host::outgoing::Outgoing;
use everblob_host::reading::{READ_BYTES_MAX, Reader};

const PATIENCE: Duration = Duration::from_secs(10);

/// The record of a second.
pub(crate) fn record(second: u64) -> String {
    format!("record {second}\n")
}

/// Asserts that a stream holds the records of these seconds, in order, and nothing else.
pub(crate) async fn check(
    outgoing: &Arc<Outgoing>,
    address: &StreamAddress,
    credential: &Credential,
    seconds: impl Iterator<Item = u64>,
) {
    let (outgoing, place) = (Arc::clone(outgoing), address.clone());
    let reader = Reader::new(outgoing, place, credential.clone(), PATIENCE);
    let found = reader.find().await.unwrap().unwrap();
    let mut content = Vec::new();
    for segment in &found.segments {
        for range in ranges(segment.bytes) {
            content.extend(reader.read(segment, range).await.unwrap());
        }
    }
    let content = String::from_utf8(content).unwrap();
    let expected: String = seconds.map(record).collect();
    let pairs = content.lines().zip(expected.lines());
    assert_eq!(pairs.clone().find(|(found, expected)| found != expected), None, "{address}");
    assert_eq!(content.len(), expected.len(), "{address}");
}

fn ranges(length: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = (0..length).step_by(usize::try_from(READ_BYTES_MAX).unwrap());
    starts.map(move |start| start..length.min(start + READ_BYTES_MAX))
}
