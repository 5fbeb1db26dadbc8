//! A pure model of the Blob service: one storage account, its containers and their blobs.
//!
//! [`Service::decide`] judges a request and changes nothing; [`Service::apply`] makes the change
//! that an accepted request stands for. Between the two a store writes the [`Effect`] to its
//! journal, and a simulator may lose, repeat or delay the answer. It follows the service where the
//! emulator differs from it.
//!
//! Invariants: a refused request has no effect; the same effects applied in the same order give
//! the same state, ETags included; content is never looked into, so an [`Extent`] may stand for
//! bytes in memory or in a file; time comes in with each request.
//!
//! Append blobs and block blobs are whole; there are no page blobs, snapshots, versions or copies.

mod answer;
mod append;
mod blob;
mod block;
mod block_list;
#[cfg(test)]
mod block_tests;
mod condition;
mod container;
mod content;
mod effect;
mod extent;
mod lease;
mod listing;
mod name;
mod refusal;
mod request;
mod state;
#[cfg(test)]
mod tests;

pub use answer::{
    Answer, BlobPage, ContainerPage, ContainerProperties, LeaseStatus, ListEntry, ListedBlob,
    Properties, Stamp,
};
pub use block::{BlockEntry, BlockId, BlockList, BlockListType, BlockSource, ListedBlock};
pub use condition::Conditions;
pub use effect::{BlockRun, Change, Effect, Revision};
pub use extent::{Extent, Slice};
pub use lease::{Lease, LeaseAction, LeaseDuration, LeaseState};
pub use refusal::Refusal;
pub use request::{BlobOperation, BlobRequest, ContentHeaders, Listing, Range, Request};
pub use state::{Service, Settings};

/// What a request comes to. A refusal never has an effect.
pub type Decision<E> = Result<Accepted<E>, Refusal>;

/// The answer to a request that the service takes, and what is to be made of it first.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted<E> {
    /// What the client gets, once the effect is applied.
    pub answer: Answer<E>,
    /// The change; requests that only read have none.
    pub effect: Option<Effect<E>>,
}
