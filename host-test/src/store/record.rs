//! The request log: one JSON line for each request, written before its answer leaves.
//!
//! Invariant: a line has the path and never the query, where signatures are.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context as _;

/// A line of the log.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Record {
    /// When the request came, for people.
    pub(super) time: String,
    /// The operation's name in the service's reference.
    pub(super) operation: &'static str,
    /// The path, as on the wire.
    pub(super) path: String,
    /// The status of the answer.
    pub(super) status: u16,
    /// The error code of the answer.
    pub(super) code: Option<String>,
    /// The length of the request's body, in bytes.
    pub(super) bytes: u64,
    /// When the head had come, in nanoseconds since 1970.
    pub(super) started: u64,
    /// When the answer was ready, in nanoseconds since 1970.
    pub(super) ended: u64,
}

/// The file of the log.
#[derive(Debug)]
pub(crate) struct RequestLog(Mutex<File>);

impl RequestLog {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot open the log {}", path.display()))?;
        Ok(Self(Mutex::new(file)))
    }

    /// Writes a line. A log that cannot be written does not stop what it is of.
    pub(crate) fn write(&self, record: &impl serde::Serialize) {
        let mut line = serde_json::to_vec(record).expect("a record is strings and numbers");
        line.push(b'\n');
        let written = self.0.lock().expect("writing does not panic").write_all(&line);
        if let Err(error) = written {
            tracing::warn!(%error, "cannot write the request log");
        }
    }
}
