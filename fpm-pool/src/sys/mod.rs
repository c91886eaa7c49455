//! System calls: the only place with `unsafe`, each block with its reason.

mod child;
mod descendants;
mod guard;
mod lack;
mod listener;
mod mark;
mod memory;
mod process;
mod roll;
mod stream;

pub(crate) use child::{ChildSetup, prepare};
pub(crate) use descendants::kill_descendants;
pub(crate) use guard::{Guard, open_proc};
pub(crate) use lack::is_exhausted;
pub(crate) use listener::PrivateListener;
pub(crate) use process::{PidFd, shut_down_socket};
pub(crate) use roll::Roll;
pub(crate) use stream::{read_into, watch, watch_output};
