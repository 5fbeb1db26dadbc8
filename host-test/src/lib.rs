//! The host of the Everblob component: it embeds the component in wasmtime, sends its requests over
//! pooled connections, and reads streams by requests of its own. Beside it, a local blob store, and
//! faults on the way to a store. The binary `everblob` is the command line on top.

pub mod address;
pub mod clock;
pub mod component;
pub mod credential;
pub mod duration;
pub mod faults;
mod listener;
pub mod outgoing;
pub mod reading;
pub mod size;
pub mod store;
