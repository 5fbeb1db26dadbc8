//! See `everblob::fuzz::credential`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| everblob::fuzz::credential(bytes));
