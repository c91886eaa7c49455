//! The redb backend keeps the contract.

#![cfg(all(feature = "redb", feature = "conformance"))]

use std::time::Duration;

use session_store::Clock;
use session_store::backend::Redb;
use session_store::conformance::Subject;

session_store::conformance_suite!(async {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual();
    let path = folder.path().join("sessions.redb");
    let redb = Redb::open_with_clock(path, Duration::ZERO, clock.clone()).await;
    Subject::new(redb.unwrap())
        .with_clock(clock)
        .keeping(folder)
});
