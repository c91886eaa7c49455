//! PHP on top of any backend, without a PHP extension of ours (feature
//! `endpoint`).
//!
//! | protocol | PHP side | round trips per request |
//! |---|---|---|
//! | [`Protocol::Prepend`] | one PHP file, loaded by `auto_prepend_file` | 2, always locked |
//! | [`Protocol::Resp`] | phpredis as it is | 2 unlocked, 4 locked |
//! | [`Protocol::Memcached`] | php-memcached as it is | 2 unlocked, 4 locked |
//!
//! In all three a request that waits for a lock is answered when its turn
//! comes, not told to ask again; whoever came first enters first; and a lock
//! ends with the connection of its holder.
//!
//! With phpredis set `redis.session.locking_enabled=1`; without it two
//! requests of one visitor overwrite each other here as they do with Redis.

mod holds;
mod ini;
mod limits;
mod listener;
mod memcached;
mod prepend;
mod resp;
mod server;
mod transport;

pub use ini::ini;
pub use limits::Limits;
pub use listener::Listener;
pub use prepend::prepend_file;
pub use server::{Endpoint, Protocol};
