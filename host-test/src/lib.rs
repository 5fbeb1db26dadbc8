//! The host of the Everblob component: it embeds the component in wasmtime, sends its requests over
//! pooled connections, and reads streams by requests of its own. Beside it, a local blob store. The
//! binary `everblob` is the command line on top.

pub mod address;
pub mod clock;
pub mod component;
pub mod credential;
pub mod duration;
mod listener;
pub mod outgoing;
pub mod reading;
pub mod size;
pub mod store;
