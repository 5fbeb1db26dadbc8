//! See `everblob::fuzz::buffer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| everblob::fuzz::buffer(bytes));
