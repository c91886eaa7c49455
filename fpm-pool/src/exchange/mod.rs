//! One request on one connection: what is sent, what comes back.

mod connection;
mod incoming;
mod outgoing;
mod probe;
mod run;
mod stream;

pub(crate) use connection::Connection;
pub(crate) use incoming::Piece;
pub(crate) use outgoing::Outgoing;
pub(crate) use probe::{Probed, probe};
pub(crate) use run::{Exchange, Failure};
