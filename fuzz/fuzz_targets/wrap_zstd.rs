//! The libFuzzer shim of `fuzz::wrap_zstd`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::wrap_zstd(data));
