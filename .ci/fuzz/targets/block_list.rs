//! See `everblob::fuzz::block_list`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| everblob::fuzz::block_list(bytes));
