//! The local store over real HTTP: its own rules, its folder, and its likeness to the referees.

#![allow(clippy::unwrap_used, reason = "all of this is tests, their common parts as well")]

#[path = "../referee/mod.rs"]
mod referee;

mod blocks;
mod client;
mod folder;
mod http;
mod parity;
mod sdk;
