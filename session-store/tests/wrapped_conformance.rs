//! Backends with hashed ids, and with values in another form, keep the
//! contract.

#![cfg(all(feature = "memory", feature = "conformance"))]

use std::sync::Arc;

use session_store::backend::Memory;
use session_store::{Clock, Limits};

fn memory(clock: &Clock) -> Arc<Memory> {
    Arc::new(Memory::new(Limits::default(), clock.clone()))
}

mod hashed_ids {
    use session_store::conformance::Subject;
    use session_store::wrap::HashedIds;

    session_store::conformance_suite!(async {
        let clock = session_store::Clock::manual();
        Subject::new(HashedIds::new(super::memory(&clock))).with_clock(clock)
    });
}

#[cfg(feature = "laravel")]
mod laravel_cache {
    use session_store::conformance::Subject;
    use session_store::wrap::{LaravelCache, WrappedValues};

    session_store::conformance_suite!(async {
        let clock = session_store::Clock::manual();
        Subject::new(WrappedValues::new(super::memory(&clock), LaravelCache)).with_clock(clock)
    });
}

#[cfg(feature = "compression")]
mod compressed {
    use session_store::conformance::Subject;
    use session_store::wrap::WrappedValues;
    use session_store::wrap::phpredis::Compression;

    session_store::conformance_suite!(async {
        let clock = session_store::Clock::manual();
        Subject::new(WrappedValues::new(super::memory(&clock), Compression::Lzf)).with_clock(clock)
    });
}
