//! See `everblob::fuzz::xml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| everblob::fuzz::xml(bytes));
