//! The command line as its users meet it: a process with arguments, input, output and a status.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../referee/mod.rs"]
mod referee;

#[path = "../endpoint/mod.rs"]
mod endpoint;

#[path = "../leak/mod.rs"]
mod leak;

mod adoption;
mod append;
mod blocks;
mod compact;
mod crash;
mod credentials;
mod demo;
mod disk;
mod errors;
mod faults;
mod https;
mod identity;
mod lease;
mod loss;
mod ls;
mod orders;
mod output;
mod place;
mod program;
mod proxy;
mod reading;
mod relay;
mod sas;
mod sdk;
mod signals;
mod suite;
mod trap;
mod usage;
