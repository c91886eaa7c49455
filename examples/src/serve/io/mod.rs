//! Connections below HTTP: TLS, the choice of the protocol, and what the HTTP
//! library does not know: time limits, and files that the kernel sends.

mod guard;
mod preface;
mod sendfile;
mod tls;

pub(crate) use guard::Guarded;
pub(crate) use preface::{Protocol, detect};
pub(crate) use sendfile::{FileQueue, FileSender, PIECE_BYTES, Socket};
pub(crate) use tls::{Tls, TlsError};
