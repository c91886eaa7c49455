//! The libFuzzer shim of `fuzz::session_php`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::session_php(data));
