//! One request on one connection: the codec's connection, over the pool's
//! own kind of socket.

mod body;
mod connection;
mod probe;
mod run;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use body::RequestBody;
pub(crate) use connection::Connection;
pub(crate) use probe::{Probed, probe};
pub(crate) use run::{Exchange, Failure, Piece};
