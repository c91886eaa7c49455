//! The libFuzzer shim of `fuzz::wrap_memcached`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::wrap_memcached(data));
