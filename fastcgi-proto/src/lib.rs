//! The FastCGI 1.0 protocol without I/O: records, params, both connection roles, and the CGI layer above them.

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod buffer;
pub mod cgi;
pub mod client;
#[cfg(feature = "codec")]
pub mod codec;
#[cfg(feature = "tokio")]
pub mod driver;
mod error;
mod id;
mod limits;
mod params;
mod record;
pub mod server;
mod values;
mod wire;

pub use error::{DecodeError, PairError, ParamError, ProtocolError};
pub use id::RequestId;
pub use limits::Limits;
pub use params::{InvalidContentLength, PairSplit, Pairs, Params, ParamsEncoder, ParamsIter};
pub use record::{BorrowedPart, Outgoing, Part, RecordDecoder};
pub use values::{ValueNames, Values};
pub use wire::{
    BeginBody, BeginFlags, EndBody, MAX_ALIGNED_CONTENT, MAX_CONTENT, ProtocolStatus, RecordHeader,
    RecordType, Role, VERSION,
};
