//! The local store: the model of the Blob service behind HTTP, in memory or in a folder.
//!
//! It answers as the service does, over path-style URLs, to requests that are signed with an
//! account's key, a shared access signature made with it, or a bearer token it was told to accept.
//!
//! Invariants: what was answered with success is in the journal before the answer leaves; a
//! refused request changes nothing; no lock is held while anything waits for the network; neither
//! logs nor errors show a key, a token or a signature that a client sent.

mod answer;
mod authorization;
mod block_list;
mod body;
mod checksum;
mod cors;
mod fault;
mod journal;
mod listing;
mod message;
mod operation;
mod options;
mod piece;
mod record;
mod server;
mod state;
mod translation;

pub use options::{Account, Secret, StoreOptions};
pub(crate) use record::RequestLog;
pub use server::{Store, start};
