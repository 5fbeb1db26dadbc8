//! The host of the Everblob component: it embeds the component in wasmtime, sends its requests over
//! pooled connections, and reads streams by requests of its own. The binary `everblob` is the
//! command line on top of it.

pub mod address;
pub mod component;
pub mod credential;
pub mod duration;
pub mod outgoing;
pub mod reading;
pub mod size;
