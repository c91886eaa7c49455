//! The files backend keeps the contract.

#![cfg(all(feature = "files", feature = "conformance"))]

use session_store::Clock;
use session_store::backend::{Files, FilesLayout};
use session_store::conformance::Subject;

session_store::conformance_suite!(async {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual();
    let mut layout = FilesLayout::new(folder.path());
    layout.depth = 1;
    let open = || Files::new(layout.clone()).with_clock(clock.clone());
    Subject::new(open())
        .with_peer(open())
        .with_clock(clock.clone())
        .keeping(folder)
});
