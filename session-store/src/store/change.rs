use std::time::Duration;

use bytes::Bytes;

use crate::Version;

/// What a request does to its session at the end.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Stores these bytes, and creates the session if there was none at the
    /// time of loading.
    Put(Bytes),
    /// Extends the life of the session as it is.
    Touch,
    /// Destroys the session; no session to destroy is fine too.
    Delete,
}

/// How a change is written.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CommitOptions {
    /// How long the session lives from now: PHP's `session.gc_maxlifetime`.
    pub ttl: Duration,
    /// Keeps the lease after the write instead of releasing it.
    pub keep_lease: bool,
}

impl CommitOptions {
    /// Writes and releases the lease in the same step.
    pub fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            keep_lease: false,
        }
    }

    /// Writes and keeps the lease.
    #[must_use]
    pub fn keeping_lease(mut self) -> Self {
        self.keep_lease = true;
        self
    }
}

/// The outcome of a write.
///
/// `Gone` and `Conflict` mean that nothing was written. They are outcomes,
/// not errors: the backend works, the session just is not what the request
/// saw. PHP's handlers ignore both, which revives sessions after a logout
/// and loses updates.
#[must_use = "`Gone` and `Conflict` mean that nothing was written"]
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Committed {
    /// Written; this is what is stored now.
    Stored(Version),
    /// Deleted.
    Deleted,
    /// The session has vanished since it was loaded: destroyed, expired or
    /// evicted. Treat the visitor as logged out.
    Gone,
    /// Another request wrote in between, or the lease was lost and another
    /// request may have. Load again and decide.
    Conflict,
}

impl Committed {
    /// Whether the change was carried out.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Stored(_) | Self::Deleted)
    }

    /// What is stored now, as far as this write tells.
    pub(crate) fn stored(&self) -> Option<&Version> {
        match self {
            Self::Stored(version) => Some(version),
            Self::Deleted | Self::Gone | Self::Conflict => None,
        }
    }
}

/// The outcome of creating a session.
#[must_use = "`Exists` means that nothing was written"]
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Created {
    /// Stored under an id that nobody had.
    Stored(Version),
    /// A session with this id exists; it was left alone.
    Exists,
}
