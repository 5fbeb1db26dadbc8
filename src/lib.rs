//! Everblob appends to Azure Blob Storage, and nothing acknowledged is lost, doubled or reordered.
//!
//! A stream is a sequence of bytes, stored in numbered append blobs `name/1`, `name/2`, ... that
//! never end, or in one block blob `name` whose small blocks are merged while it is written. This
//! crate holds everything that decides, and the component:
//!
//! | module | what lives there | may use |
//! |---|---|---|
//! | `component` | the WIT exports; converts types, nothing else | `driver` |
//! | `driver` | performs calls by WASI 0.2; decides nothing | `azure`, core |
//! | [`azure`] | the codec: a call to signed HTTP, HTTP to a reply; pure | core types |
//! | [`writer`], [`compaction`], [`stream`], [`call`], [`error`], [`limits`], [`time`], [`rng`] | the core | nothing |
//! | `sim` (feature) | a model of the service, weather, an oracle | core, codec types |
//! | `fuzz` (feature) | properties that hold for any input | everything |
//!
//! The core is a state machine without I/O, clock or randomness of its own:
//!
//! ```text
//! command ─┐                                          ┌─> Call   an HTTP exchange to make
//! reply    ├─> Writer (no I/O, no clock, no async) ───┤
//! time    ─┘                                          └─> Wait   drained; wake me then
//! ```
//!
//! So one piece of code serves the component, native programs, and a simulator that plays failures
//! by the thousand. A driver is a loop:
//!
//! ```
//! use everblob::call::{Call, Failure, Reply};
//! use everblob::stream::{Nonce, StreamId};
//! use everblob::time::Time;
//! use everblob::writer::{Config, Entropy, Output, Writer};
//!
//! # fn exchange(_: &Call) -> Reply {
//! #     Reply { outcome: Err(Failure::NotSent("no network here".to_string())), date: None }
//! # }
//! let entropy = Entropy { nonce: Nonce([1; 16]), stream: StreamId([2; 16]), seed: 3 };
//! let mut writer = Writer::new(Config::default(), entropy)?;
//! let now = Time(0);
//! let ticket = writer.opening(now);
//! while writer.progress(&ticket, now).is_none() {
//!     match writer.poll(now) {
//!         Output::Call { op, call, .. } => {
//!             let reply = exchange(&call); // sign it, send it, decode the answer: `azure`
//!             writer.handle_reply(now, op, reply);
//!         }
//!         Output::Wait(at) => {
//!             // Sleep until `at` or until a reply arrives, then `writer.handle_timeout(now)`.
//!             assert!(at.is_some());
//!             break;
//!         }
//!     }
//! }
//! # Ok::<(), everblob::error::Error>(())
//! ```
#![no_std]

extern crate alloc;
#[cfg(any(test, not(target_arch = "wasm32")))]
extern crate std;

pub mod azure;
pub mod call;
pub mod compaction;
pub mod error;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod limits;
pub mod rng;
#[cfg(test)]
mod rules;
#[cfg(feature = "sim")]
pub mod sim;
pub mod stream;
pub mod time;
pub mod writer;

#[cfg(feature = "component")]
mod bindings;
#[cfg(feature = "component")]
mod component;
#[cfg(feature = "component")]
pub mod driver;
