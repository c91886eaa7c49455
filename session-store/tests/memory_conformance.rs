//! The memory backend keeps the contract.

#![cfg(all(feature = "memory", feature = "conformance"))]

use session_store::backend::Memory;
use session_store::conformance::Subject;
use session_store::{Clock, Limits};

session_store::conformance_suite!(async {
    let clock = Clock::manual();
    Subject::new(Memory::new(Limits::default(), clock.clone())).with_clock(clock)
});
