//! The Redis-protocol endpoint: unmodified phpredis uses any backend.

mod wire;
