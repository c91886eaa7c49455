//! System calls: the only place with `unsafe`, each block with its reason.

mod child;
mod lack;
mod listener;
mod process;
mod stream;

pub(crate) use child::{ChildSetup, prepare};
pub(crate) use lack::is_exhausted;
pub(crate) use listener::PrivateListener;
pub(crate) use process::{PidFd, shut_down_socket};
pub(crate) use stream::{read_into, watch};
