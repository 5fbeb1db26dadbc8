//! The built component: what it imports, what its dependencies' licences are, and that it runs on
//! hosts other than ours.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../referee/mod.rs"]
mod referee;

mod licences;
mod node;
mod world;
