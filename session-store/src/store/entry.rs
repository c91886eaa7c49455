use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// A stored session: bytes as the serialize handler wrote them.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The session data. Empty is a valid session without variables.
    pub bytes: Bytes,
    /// What [`Backend::put_if`](crate::Backend::put_if) compares.
    pub version: Version,
    /// How long it will live, where the backend says so without another
    /// round trip.
    pub remaining: Option<Duration>,
}

impl Entry {
    /// An entry whose remaining life is unknown.
    pub fn new(bytes: impl Into<Bytes>, version: Version) -> Self {
        Self {
            bytes: bytes.into(),
            version,
            remaining: None,
        }
    }

    /// The same entry with its remaining life.
    #[must_use]
    pub fn with_remaining(mut self, remaining: Duration) -> Self {
        self.remaining = Some(remaining);
        self
    }
}

/// Tells one state of a session from another; only its backend reads it.
///
/// A counter where the backend has one, else the content itself, which makes
/// a change and its exact reversal look like no change (harmless: nothing is
/// lost by writing then).
#[derive(Clone, Eq, PartialEq)]
pub struct Version(Bytes);

impl Version {
    /// A counter, such as memcached's cas value or a version column.
    pub fn counter(value: u64) -> Self {
        Self(Bytes::copy_from_slice(&value.to_be_bytes()))
    }

    /// The stored bytes themselves.
    pub fn content(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The counter, if this was made by [`counter`](Self::counter).
    pub fn as_counter(&self) -> Option<u64> {
        Some(u64::from_be_bytes(self.0.as_ref().try_into().ok()?))
    }

    /// The bytes given to [`content`](Self::content).
    pub fn as_content(&self) -> &Bytes {
        &self.0
    }
}

/// Content is session data, so it is not shown.
impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_counter() {
            Some(counter) => write!(f, "Version({counter})"),
            None => write!(f, "Version({} bytes)", self.0.len()),
        }
    }
}

/// How to read a session without a lock.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReadOptions {
    /// Extends the session's life to this while reading, where
    /// [`Caps::touch`](crate::Caps::touch) is set. PHP's `read_and_close` never does.
    pub touch: Option<Duration>,
}

impl ReadOptions {
    /// Reads and makes the session live for `ttl` from now.
    pub fn touching(ttl: Duration) -> Self {
        Self { touch: Some(ttl) }
    }
}
