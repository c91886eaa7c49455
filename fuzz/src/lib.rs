//! The bodies of the fuzz targets: each takes arbitrary bytes and panics
//! when a promise of the crate under test is broken.
//!
//! `fuzz_targets/` holds the one-line libFuzzer shims, `seeds/<target>/` the
//! inputs that `tests/replay.rs` runs on every plain `cargo test`.
