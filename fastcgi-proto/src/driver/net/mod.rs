//! Addresses, streams and listeners, TCP and Unix alike.

mod address;
mod allowed;
mod listener;
mod stream;
mod watch;

pub use address::{Address, InvalidAddress};
pub use allowed::AllowedPeers;
pub use listener::Listener;
pub use stream::{Stream, Transport};
pub use watch::PeerWatch;
