//! The application's side of a stream.

mod connection;
mod handler;
mod input;
mod responder;
mod serve;
mod shared;

pub use handler::{Answer, Handler, Request};
pub use input::Input;
pub use responder::{Responder, Stopped};
pub use serve::Server;
