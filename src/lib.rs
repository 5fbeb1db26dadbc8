//! Everblob (manual to come).
#![no_std]

extern crate alloc;
#[cfg(any(test, not(target_arch = "wasm32")))]
extern crate std;

pub mod azure;
pub mod call;
pub mod time;
