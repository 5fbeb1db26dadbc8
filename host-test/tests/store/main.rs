//! The local store over real HTTP: its own rules, its folder, and its likeness to the referees.

#[path = "../referee/mod.rs"]
mod referee;

mod client;
mod folder;
mod http;
mod parity;
mod sdk;
