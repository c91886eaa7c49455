//! Why a request has no environment.

use thiserror::Error;

use crate::ParamError;

/// Why the variables of a request could not be written; `E` is the error of
/// the [`ParamSink`](super::ParamSink).
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum EnvError<E> {
    /// A field name with a byte outside letters, digits and `-`, and the
    /// policy is [`UnsafeNames::Reject`](super::UnsafeNames::Reject); answer
    /// 400.
    #[error("a field name has a byte that variables cannot carry")]
    UnsafeName,
    /// More fields than [`EnvPolicy::max_fields`](super::EnvPolicy::max_fields);
    /// answer 431.
    #[error("the request has more than {limit} fields")]
    TooManyFields {
        /// The bound that was passed.
        limit: usize,
    },
    /// The sink refused a pair: too large (answer 431), or with a NUL byte
    /// (answer 400).
    #[error("a variable was refused")]
    Sink(#[source] E),
}

impl From<ParamError> for EnvError<ParamError> {
    fn from(error: ParamError) -> Self {
        Self::Sink(error)
    }
}
