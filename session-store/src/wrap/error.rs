//! Why a stored value cannot be unwrapped.

/// Why a stored value cannot be unwrapped, or session data not be wrapped.
///
/// The stored value is as it was.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// The value is damaged, or wrapped in another way.
    #[error("the stored value is damaged or wrapped in another way")]
    Corrupt,
    /// The data would be longer than the limit.
    #[error("the data is longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The value is compressed, or typed, in a way not supported.
    #[error("flags {flags:#x} of the stored value are not supported")]
    Flags {
        /// The item's flags.
        flags: u32,
    },
    /// The value was not encrypted with any of the keys, or was changed.
    #[error("the stored value was encrypted with another key or changed since")]
    Forged,
    /// A key of the wrong length for the cipher.
    #[error("a key has 16 or 32 bytes, this one has {got}")]
    Key {
        /// Length found.
        got: usize,
    },
    /// JSON has no form for something in the session.
    #[error("JSON cannot hold {what}")]
    NotJson {
        /// What it is.
        what: &'static str,
    },
    /// The operating system gave no random bytes.
    #[error("the system's random source failed")]
    Random,
}
