//! Addresses, streams and listeners, TCP and Unix alike.

mod address;
mod allowed;
mod listener;
mod stream;

pub use address::{Address, InvalidAddress};
pub use allowed::AllowedPeers;
pub use listener::Listener;
pub use stream::{Stream, Transport};
