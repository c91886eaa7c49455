//! Keys that requests share, and how many workers each may have.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::action::Ticket;
use crate::KeyLimit;

/// A key of a request, with the limit that the request obeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) key: Arc<[u8]>,
    pub(crate) limit: KeyLimit,
}

/// All claims of a request, those on one key side by side; most have none.
pub(crate) type Claims = Option<Arc<[Claim]>>;

/// Who holds the keys, and who waits for them.
///
/// A key is held from the moment that a request with it may run until the
/// worker is done with that request.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<Arc<[u8]>, Entry>);

#[derive(Debug, Default)]
struct Entry {
    held: usize,
    waiting: BTreeSet<Ticket>,
}

impl Keys {
    /// Whether a request with these claims may run beside those that do, in a
    /// pool of `max_children` workers.
    pub(super) fn are_free(&self, claims: &Claims, max_children: usize) -> bool {
        all(claims).iter().all(|claim| {
            let held = self.0.get(&claim.key).map_or(0, |entry| entry.held);
            most(claim.limit, max_children).is_none_or(|most| held < most)
        })
    }

    pub(super) fn hold(&mut self, claims: &Claims) {
        for claim in keys(claims) {
            self.entry(claim).held += 1;
        }
    }

    /// Gives the keys up; those that waited for one are returned, in order.
    pub(super) fn release(&mut self, claims: &Claims) -> Vec<Ticket> {
        let mut waiting = BTreeSet::new();
        for claim in keys(claims) {
            if let Some(entry) = self.0.get_mut(&claim.key) {
                entry.held = entry.held.saturating_sub(1);
                waiting.extend(&entry.waiting);
            }
            self.tidy(claim);
        }
        waiting.into_iter().collect()
    }

    pub(super) fn wait(&mut self, claims: &Claims, ticket: Ticket) {
        for claim in all(claims) {
            self.entry(claim).waiting.insert(ticket);
        }
    }

    pub(super) fn leave(&mut self, claims: &Claims, ticket: Ticket) {
        for claim in all(claims) {
            if let Some(entry) = self.0.get_mut(&claim.key) {
                entry.waiting.remove(&ticket);
            }
            self.tidy(claim);
        }
    }

    /// The most requests that wait for one of these keys.
    pub(super) fn waiting(&self, claims: &Claims) -> usize {
        let waiting = |claim: &Claim| self.0.get(&claim.key).map(|entry| entry.waiting.len());
        all(claims).iter().filter_map(waiting).max().unwrap_or(0)
    }

    fn entry(&mut self, claim: &Claim) -> &mut Entry {
        self.0.entry(Arc::clone(&claim.key)).or_default()
    }

    /// Forgets a key that nobody holds or waits for.
    fn tidy(&mut self, claim: &Claim) {
        let unused = |entry: &Entry| entry.held == 0 && entry.waiting.is_empty();
        if self.0.get(&claim.key).is_some_and(unused) {
            self.0.remove(&claim.key);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The most that may hold a key, if there is a bound: a share that comes to all
/// workers is none. A number always is one, as two generations of workers may
/// be there at a time.
fn most(limit: KeyLimit, max_children: usize) -> Option<usize> {
    let workers = limit.workers(max_children);
    match limit {
        KeyLimit::Percent(_) => Some(workers).filter(|&workers| workers < max_children),
        KeyLimit::Workers(_) => Some(workers),
    }
}

/// One claim on each key.
fn keys(claims: &Claims) -> impl Iterator<Item = &Claim> {
    all(claims)
        .chunk_by(|one, other| one.key == other.key)
        .filter_map(<[Claim]>::first)
}

fn all(claims: &Claims) -> &[Claim] {
    claims.as_deref().unwrap_or_default()
}
