//! See `everblob::fuzz::location`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| everblob::fuzz::location(bytes));
