//! The libFuzzer shim of `fuzz::wrap_lz4`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::wrap_lz4(data));
