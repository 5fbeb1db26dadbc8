//! The simulated world: a model of the service, the weather between it and its clients, and an
//! oracle that knows what must be true, all without I/O and from one seed.
//!
//! The model also is the local store's; see [`service`].

#[cfg(test)]
mod day_tests;
#[cfg(test)]
mod exhaustive;
mod foreign;
#[cfg(test)]
mod lease_tests;
mod network;
mod oracle;
mod plan;
mod report;
#[cfg(test)]
mod scenarios;
pub mod service;
mod stored;
mod users;
mod weather;
mod wire;
mod world;

pub use report::{Broken, Report};
pub use weather::{Fault, Met};
pub use world::{play, trace};
