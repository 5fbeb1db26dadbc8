//! Faults on the way to a service: a proxy that lets each request meet its fate.
//!
//! A [`Spec`] says how often each [`Kind`] of fault happens; the [`Weather`] that follows from it
//! gives the n-th request its [`Fate`], from the seed and n alone. `everblob proxy` puts it before
//! any service, `everblob store --faults` before the local store.
//!
//! Invariants: with the same spec and the same requests in the same order, the same happens; a
//! request whose fate is to be lost never reaches the service, and one that is to be applied reaches
//! it whole, once or twice as its fate says, whether or not its client still waits; neither the log
//! nor an error shows a query, a header or a body.

mod exchange;
mod kind;
mod proxy;
mod record;
mod spec;
mod target;
mod weather;
mod wire;

pub use kind::Kind;
pub use proxy::{Proxy, ProxyOptions, start};
pub use record::Counts;
pub use spec::{Chance, Spec};
pub use target::Target;
pub use weather::{Fate, Weather};
