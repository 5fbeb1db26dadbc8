//! Everblob (manual to come).
#![no_std]

extern crate alloc;
#[cfg(any(test, not(target_arch = "wasm32")))]
extern crate std;

pub mod azure;
pub mod call;
pub mod error;
pub mod limits;
pub mod rng;
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
