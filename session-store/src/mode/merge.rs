use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;

/// Three-way merge of session data, for [`Store::optimistic`](crate::Store::optimistic).
///
/// Serialize handlers implement it per top-level variable.
pub trait Merge: fmt::Debug + Send + Sync {
    /// Applies what changed from `base` to `ours` onto `theirs`; `None` if
    /// both changed the same variable differently. No session is empty bytes.
    ///
    /// # Errors
    ///
    /// If any of the three cannot be decoded; nothing is written then.
    fn merge(
        &self,
        base: &[u8],
        ours: &[u8],
        theirs: &[u8],
    ) -> Result<Option<Bytes>, Box<dyn StdError + Send + Sync>>;
}

/// Never merges: every concurrent write is a conflict.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMerge;

impl Merge for NoMerge {
    fn merge(
        &self,
        _base: &[u8],
        _ours: &[u8],
        _theirs: &[u8],
    ) -> Result<Option<Bytes>, Box<dyn StdError + Send + Sync>> {
        Ok(None)
    }
}
