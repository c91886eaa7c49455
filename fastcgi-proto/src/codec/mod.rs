//! Codecs for `tokio_util::codec::Framed` and its like.
//!
//! [`RecordCodec`] speaks records; [`ClientCodec`] and [`ServerCodec`] hold a
//! connection's state machine and speak its events. They copy what they send
//! into `Framed`'s buffer; the drivers (feature `tokio`) and hand-written
//! loops over [`Outgoing`] do not.

mod client;
mod error;
mod record;
mod server;

pub use client::{ClientCodec, ClientCommand};
pub use error::CodecError;
pub use record::RecordCodec;
pub use server::{ServerCodec, ServerCommand};

use bytes::{Buf, BufMut, BytesMut};

use crate::Outgoing;

/// Moves all of a connection's output to `out`.
fn flush(mut outgoing: Outgoing<'_>, out: &mut BytesMut) {
    out.reserve(outgoing.remaining());
    out.put(&mut outgoing);
}
