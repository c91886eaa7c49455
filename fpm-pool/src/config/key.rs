//! How many workers requests with the same key may have.

/// How many workers the requests with one key may have at a time
/// ([`Request::key`](crate::Request::key)).
///
/// # Examples
///
/// ```
/// use fpm_pool::KeyLimit;
///
/// assert_eq!(KeyLimit::Percent(50).workers(5), 2);
/// assert_eq!(KeyLimit::Percent(50).workers(1), 1, "never none");
/// assert_eq!(KeyLimit::Workers(3).workers(8), 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyLimit {
    /// That many. 0 counts as 1.
    Workers(usize),
    /// That share of `max_children`, rounded down; at least one.
    Percent(u8),
}

impl KeyLimit {
    /// One: the requests exclude each other.
    pub const EXCLUSIVE: Self = Self::Workers(1);

    /// What it comes to in a pool of `max_children` workers.
    #[must_use]
    pub fn workers(self, max_children: usize) -> usize {
        let workers = match self {
            Self::Workers(workers) => workers,
            Self::Percent(percent) => max_children.saturating_mul(percent.into()) / 100,
        };
        workers.max(1)
    }
}
