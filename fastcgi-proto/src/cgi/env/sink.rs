//! Where variables go.

use alloc::vec::Vec;

use thiserror::Error;

use crate::{ParamError, ParamsEncoder};

/// Takes name-value pairs in order: an encoder of params, or a list.
///
/// [`EnvWriter`](super::EnvWriter) writes each pair through it once, without
/// a buffer of its own. A sink refuses a NUL byte in a name or value, with the
/// pair or at its end: PHP cuts values there.
pub trait ParamSink {
    /// Why a pair was refused.
    type Error;

    /// Takes a pair whose bytes exist already.
    ///
    /// # Errors
    ///
    /// When the sink is full or the pair is none that it may carry.
    fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), Self::Error>;

    /// Takes a pair that `fill` writes in place: `fill` gets the two
    /// parts, `name_len` and `value_len` bytes long, and fills both whole.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    fn push_with(
        &mut self,
        name_len: usize,
        value_len: usize,
        fill: impl FnOnce(&mut [u8], &mut [u8]),
    ) -> Result<(), Self::Error>;
}

/// A name or value has a NUL byte.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a variable has a NUL byte")]
pub struct NulByte;

/// A plain list, for tests and for hosts that look at the variables first.
impl ParamSink for Vec<(Vec<u8>, Vec<u8>)> {
    type Error = NulByte;

    fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), NulByte> {
        if name.contains(&0) || value.contains(&0) {
            return Err(NulByte);
        }
        self.push((name.into(), value.into()));
        Ok(())
    }

    fn push_with(
        &mut self,
        name_len: usize,
        value_len: usize,
        fill: impl FnOnce(&mut [u8], &mut [u8]),
    ) -> Result<(), NulByte> {
        let mut name = alloc::vec![0; name_len];
        let mut value = alloc::vec![0; value_len];
        fill(&mut name, &mut value);
        ParamSink::push(self, &name, &value)
    }
}

impl ParamSink for ParamsEncoder<'_> {
    type Error = ParamError;

    fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), ParamError> {
        self.push(name, value)
    }

    fn push_with(
        &mut self,
        name_len: usize,
        value_len: usize,
        fill: impl FnOnce(&mut [u8], &mut [u8]),
    ) -> Result<(), ParamError> {
        self.push_with(name_len, value_len, fill)
    }
}
