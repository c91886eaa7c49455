//! The web server's side of a stream.

mod connection;
mod exchange;
mod incoming;

pub use connection::ClientConnection;
pub use exchange::Exchange;
