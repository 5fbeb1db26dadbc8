//! See `everblob::fuzz::staging`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| everblob::fuzz::staging(bytes));
