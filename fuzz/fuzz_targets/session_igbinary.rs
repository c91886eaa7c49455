//! The libFuzzer shim of `fuzz::session_igbinary`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::session_igbinary(data));
