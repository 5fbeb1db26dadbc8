//! The simulated world: a model of the service, the weather between it and its clients, and an
//! oracle that knows what must be true, all without I/O and from one seed.
//!
//! The model also is the local store's; see [`service`].

#[cfg(test)]
mod day_tests;
#[cfg(test)]
mod exhaustive;
#[cfg(test)]
mod lease_tests;
mod network;
mod oracle;
#[cfg(test)]
mod scenarios;
pub mod service;
mod users;
mod weather;
mod wire;
mod world;

pub use weather::{Fate, Weather};
pub use world::{Broken, Report, play};
