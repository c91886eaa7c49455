//! The name of one request on one connection.

use core::fmt;

/// One request of one connection.
///
/// FastCGI's own request ids are small and used again. The generation tells
/// two requests with the same id apart: what belongs to an old request never
/// reaches its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    id: u16,
    generation: u32,
}

impl RequestId {
    pub(crate) const fn new(id: u16, generation: u32) -> Self {
        Self { id, generation }
    }

    /// The id in the records of the request.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.id
    }

    /// The count of requests that this connection began before.
    #[must_use]
    pub const fn generation(self) -> u32 {
        self.generation
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)
    }
}
