//! The libFuzzer shim of `fuzz::wrap_lzf`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::wrap_lzf(data));
