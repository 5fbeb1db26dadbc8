//! See `everblob::fuzz::writer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| everblob::fuzz::writer(bytes));
