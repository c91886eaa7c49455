//! The endpoint for the prepended PHP file: a session in two round trips,
//! always locked, without a PHP extension.

mod connection;
mod script;
mod wire;

pub(super) use connection::serve;
pub use script::prepend_file;
