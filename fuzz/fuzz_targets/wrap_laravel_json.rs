//! The libFuzzer shim of `fuzz::wrap_laravel_json`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::wrap_laravel_json(data));
