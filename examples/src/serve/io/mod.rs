//! Connections below HTTP: TLS, the choice of the protocol, and time limits
//! that the HTTP library does not know.

mod guard;
mod preface;
mod tls;

pub(crate) use guard::Guarded;
pub(crate) use preface::{Protocol, detect};
pub(crate) use tls::{Tls, TlsError};
