//! The built component: what it imports, what its dependencies' licences are, the errors that only
//! a caller of its interface meets, what it makes of any argument, and that it runs on hosts other
//! than ours.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../referee/mod.rs"]
mod referee;

#[path = "../leak/mod.rs"]
mod leak;

mod arguments;
mod errors;
mod licences;
mod node;
mod world;
