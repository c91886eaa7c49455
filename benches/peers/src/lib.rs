//! Starts the real programs that tests and benches talk to (php-cgi,
//! php-fpm, web servers, session backends) on free ports or private sockets
//! in temporary folders, and stops them on drop.
//!
//! A missing program is a failed test that names the apt line, never a
//! silent pass: see [`tool`].

mod process;
mod tool;
mod wait;

pub use process::Peer;
pub use tool::{tool, try_tool};
pub use wait::{free_port, wait_for_port, wait_for_socket, wait_until};
