//! Host programs of Everblob: the local store.

pub mod store;
