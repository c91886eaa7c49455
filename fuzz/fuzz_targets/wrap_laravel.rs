//! The libFuzzer shim of `fuzz::wrap_laravel`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::wrap_laravel(data));
