//! The libFuzzer shim of `fuzz::params`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::params(data));
