//! Name-value pairs (FastCGI 1.0, section 3.4): read without allocation,
//! held as one [`Bytes`](bytes::Bytes), written as records that cut at pair
//! boundaries.

mod encoder;
mod iter;
mod nul;
mod owned;

pub use encoder::{PairSplit, ParamsEncoder};
pub use iter::ParamsIter;
pub use owned::{InvalidContentLength, Pairs, Params};

pub(crate) use encoder::{Declared, Framing};

/// The longest name or value that a 4-byte length can announce.
const MAX_LEN: usize = 0x7fff_ffff;

/// Bytes that the encoded length of a name or value takes.
const fn len_of_len(len: usize) -> usize {
    if len < 0x80 { 1 } else { 4 }
}
