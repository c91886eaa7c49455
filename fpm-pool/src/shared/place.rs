//! Callers that wait for a place in the queue, in order.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Inner, Shared};

/// Those that wait for a place, the first in front.
///
/// A place that becomes free is given to the first of them at once, and no
/// other is woken.
#[derive(Debug, Default)]
pub(super) struct Hopefuls {
    /// Numbers that are gone from `waiting` were given up.
    line: VecDeque<u64>,
    waiting: HashMap<u64, Waker>,
    /// Those that were given a place, and have not taken note of it.
    granted: HashSet<u64>,
    serial: u64,
}

impl Hopefuls {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn join(&mut self, waker: Waker) -> u64 {
        // Those that were given up stay in the line until they come to its
        // front, or are more than those that wait.
        if self.line.len() > 2 * self.waiting.len() + 16 {
            self.line.retain(|number| self.waiting.contains_key(number));
        }
        self.serial += 1;
        self.line.push_back(self.serial);
        self.waiting.insert(self.serial, waker);
        self.serial
    }

    /// Gives the first of the line a place, and returns whom to wake.
    fn grant(&mut self) -> Option<Waker> {
        while let Some(number) = self.line.pop_front() {
            if let Some(waker) = self.waiting.remove(&number) {
                self.granted.insert(number);
                return Some(waker);
            }
        }
        None
    }

    /// Whether this one was given a place; if not, `waker` is woken then.
    fn take(&mut self, number: u64, waker: &Waker) -> bool {
        if self.granted.remove(&number) {
            return true;
        }
        if let Some(known) = self.waiting.get_mut(&number) {
            known.clone_from(waker);
        }
        false
    }

    /// Gives up. `true`: it had been given a place, which is free again.
    fn leave(&mut self, number: u64) -> bool {
        self.waiting.remove(&number);
        self.granted.remove(&number)
    }
}

impl Inner {
    /// Gives free places to those that wait for one.
    pub(super) fn place_hopefuls(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while !self.hopefuls.is_empty() && self.machine.reserve() {
            wakers.extend(self.hopefuls.grant());
        }
        wakers
    }
}

/// A place that is kept for one request, or waited for. Dropping it gives it
/// to the next.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting(u64),
    Held,
    Spent,
}

impl Place {
    /// A place, or a wait for one in order of arrival.
    pub(crate) fn ask(shared: &Arc<Shared>, cx: &Context<'_>) -> Self {
        let state = shared.with(|inner, _| {
            if inner.hopefuls.is_empty() && inner.machine.reserve() {
                State::Held
            } else {
                State::Waiting(inner.hopefuls.join(cx.waker().clone()))
            }
        });
        Self {
            shared: Arc::clone(shared),
            state,
        }
    }

    /// Ready once the next request is not refused for want of a place.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if let State::Waiting(number) = self.state {
            let granted = self
                .shared
                .with(|inner, _| inner.hopefuls.take(number, cx.waker()));
            if !granted {
                return Poll::Pending;
            }
            self.state = State::Held;
        }
        Poll::Ready(())
    }

    pub(crate) fn is_held(&self) -> bool {
        self.state == State::Held
    }

    /// The request that comes now says that it had a place.
    pub(crate) fn spend(mut self) {
        self.state = State::Spent;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.state == State::Spent {
            return;
        }
        self.shared.with(|inner, _| {
            let held = match self.state {
                State::Waiting(number) => inner.hopefuls.leave(number),
                State::Held => true,
                State::Spent => false,
            };
            if held {
                inner.machine.unreserve();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn waker() -> Waker {
        Waker::noop().clone()
    }

    #[test]
    fn one_place_goes_to_one_in_order() {
        let mut line = Hopefuls::default();
        let [first, second, third] = [(); 3].map(|()| line.join(waker()));
        assert!(!line.leave(first), "it had no place");
        assert!(line.grant().is_some());
        assert!(!line.take(third, &waker()));
        assert!(line.take(second, &waker()));
        assert!(line.grant().is_some());
        assert!(line.leave(third), "its place is free again");
        assert!(line.grant().is_none());
    }

    #[test]
    fn those_that_come_and_go_leave_no_trace() {
        let mut line = Hopefuls::default();
        line.join(waker());
        for _ in 0..10_000 {
            let number = line.join(waker());
            line.leave(number);
        }
        assert!(line.line.len() < 32);
    }
}
