//! PostgreSQL and MariaDB keep the contract, in every schema and by every
//! kind of lock. One server serves all of a database's rules.

#![cfg(all(feature = "postgres", feature = "mysql", feature = "conformance"))]

use std::sync::Arc;

use peers::{MariaDb, Postgres};
use session_store::backend::Sql;
use session_store::conformance::Subject;
use session_store::{Clock, StoreUrl};

/// Each schema with its own lock, and Symfony's with both of its.
const VARIANTS: [&str; 5] = [
    "",
    "&preset=symfony",
    "&preset=symfony&lock=named",
    "&preset=laravel",
    "&preset=drupal",
];

async fn subject(url: &str, server: Arc<dyn std::any::Any + Send + Sync>) -> Subject {
    let url = StoreUrl::parse(url).unwrap();
    let clock = Clock::manual();
    let open = async || Sql::open_with_clock(&url, clock.clone()).await.unwrap();
    Subject::new(open().await)
        .with_peer(open().await)
        .with_clock(clock)
        .keeping(server)
}

/// Every variant gets tables of its own: the presets share a name.
fn params(number: usize) -> String {
    format!("{}&table=sessions_{number}", VARIANTS[number])
}

macro_rules! all_rules {
    ($name:ident, $server:expr) => {
        #[test]
        fn $name() {
            let server = Arc::new($server);
            for number in 0..VARIANTS.len() {
                println!("variant {}", VARIANTS[number]);
                session_store::conformance::run(async {
                    let url = server.url(&params(number));
                    let subject = subject(&url, server.clone()).await;
                    session_store::conformance_suite!(@rules all (subject));
                });
            }
        }
    };
}

all_rules!(postgres, Postgres::start());
all_rules!(mariadb, MariaDb::start());
