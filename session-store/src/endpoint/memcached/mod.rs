//! The memcached-protocol endpoint: unmodified php-memcached uses any
//! backend, with its binary protocol (the default) or the text protocol.

mod binary;
mod connection;
mod decoder;
mod expiry;
mod message;
mod text;

pub(super) use connection::serve;
