//! The application's side of a stream.

mod connection;
mod handler;
mod input;
mod queue;
mod responder;
mod serve;
mod shared;
mod transfer;

pub use handler::{Answer, Handler, Request};
pub use input::Input;
pub use responder::{Responder, Stopped};
pub use serve::Server;
