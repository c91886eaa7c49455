//! The bodies of the fuzz targets: each takes arbitrary bytes and panics
//! when a promise of the crate under test is broken.
//!
//! `fuzz_targets/` holds the one-line libFuzzer shims, `seeds/<target>/` the
//! inputs that `tests/replay.rs` runs on every plain `cargo test`. A new
//! target is a function here, a line in [`TARGETS`], a shim, its `[[bin]]` in
//! `Cargo.toml`, and at least one seed.

#![forbid(unsafe_code)]

mod client;
mod config;
mod params;
mod pieces;
mod record_decode;
mod response_head;
mod server;
mod session;
mod wire;
mod wrap;

pub use client::client;
pub use config::config;
pub use params::params;
pub use record_decode::record_decode;
pub use response_head::response_head;
pub use server::server;
pub use session::{
    session_igbinary, session_msgpack, session_php, session_php_binary, session_php_serialize,
};
pub use wrap::{
    wrap_fastlz, wrap_laravel, wrap_laravel_json, wrap_lz4, wrap_lzf, wrap_memcached, wrap_symfony,
    wrap_zstd,
};

/// A target's name, which is that of its folder of seeds, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("client", client),
    ("config", config),
    ("params", params),
    ("record_decode", record_decode),
    ("response_head", response_head),
    ("server", server),
    ("session_igbinary", session_igbinary),
    ("session_msgpack", session_msgpack),
    ("session_php", session_php),
    ("session_php_binary", session_php_binary),
    ("session_php_serialize", session_php_serialize),
    ("wrap_fastlz", wrap_fastlz),
    ("wrap_laravel", wrap_laravel),
    ("wrap_laravel_json", wrap_laravel_json),
    ("wrap_lz4", wrap_lz4),
    ("wrap_lzf", wrap_lzf),
    ("wrap_memcached", wrap_memcached),
    ("wrap_symfony", wrap_symfony),
    ("wrap_zstd", wrap_zstd),
];
