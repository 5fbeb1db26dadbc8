//! See `everblob::fuzz::date`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| everblob::fuzz::date(bytes));
