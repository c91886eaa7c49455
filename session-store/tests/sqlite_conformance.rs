//! SQLite keeps the contract, in every schema.

#![cfg(all(feature = "sqlite", feature = "conformance"))]

use session_store::backend::Sql;
use session_store::conformance::Subject;
use session_store::{Clock, StoreUrl};

async fn subject(params: &str) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let url = StoreUrl::parse(&format!("sqlite:{}{params}", path.display())).unwrap();
    let clock = Clock::manual();
    let open = async || Sql::open_with_clock(&url, clock.clone()).await.unwrap();
    Subject::new(open().await)
        .with_peer(open().await)
        .with_clock(clock)
        .keeping(folder)
}

session_store::conformance_suite!(native, subject(""));
session_store::conformance_suite!(symfony, subject("?preset=symfony"));
session_store::conformance_suite!(laravel, subject("?preset=laravel"));
session_store::conformance_suite!(drupal, subject("?preset=drupal"));
