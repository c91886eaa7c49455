//! The web server's side of a stream.

mod connection;
mod exchange;

pub use connection::ClientConnection;
pub use exchange::Exchange;
