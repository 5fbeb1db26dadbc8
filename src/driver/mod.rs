//! Drivers perform the calls of a writer and decide nothing. One file a world.
//!
//! Invariant: a driver hands in the reply to every call that it was given, exactly once, unless
//! the writer no longer expects it.

mod exchange;
pub mod wasi02;
