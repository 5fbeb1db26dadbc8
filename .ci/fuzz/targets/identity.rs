//! See `everblob::fuzz::identity`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| everblob::fuzz::identity(bytes));
