//! The simulator: a model of the Blob service without I/O and without a clock, for tests of the
//! writer and as the heart of the local store.

pub mod service;
