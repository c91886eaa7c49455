//! The memcached-protocol endpoint: unmodified php-memcached uses any
//! backend, with its binary protocol (the default) or the text protocol.

mod binary;
mod decoder;
mod message;
mod text;
