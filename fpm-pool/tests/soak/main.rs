//! Everything at once, at random, for a while: requests of all kinds and
//! sizes, clients that leave at any byte, kills, reloads, resizes, failing
//! starts, memory pressure. The promises are checked throughout.
//!
//! It runs for two minutes, or `FPM_POOL_SOAK_SECS`; `FPM_POOL_SOAK_SEED`
//! repeats the choices of an earlier run.

#[path = "../common/mod.rs"]
mod common;

mod chaos;
mod client;
mod random;
mod site;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fpm_pool::Pool;
use random::Random;
use site::SoakSite;

/// Clients at a time: more than workers and queue take.
const CLIENTS: u64 = 24;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise_holds_while_everything_happens() {
    let length = Duration::from_secs(number("FPM_POOL_SOAK_SECS").unwrap_or(120));
    let seed = number("FPM_POOL_SOAK_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("FPM_POOL_SOAK_SEED={seed}");
    let site = Arc::new(SoakSite::new());
    let pool = Pool::start(site.config()).expect("the pool starts");
    pool.ready().await.expect("a worker becomes ready");

    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let random = Random::new(seed ^ (number << 32));
            let (pool, site, stop) = (pool.clone(), Arc::clone(&site), Arc::clone(&stop));
            tokio::spawn(client::run(pool, site, random, stop))
        })
        .collect();
    let chaos = tokio::spawn(chaos::run(
        pool.clone(),
        Arc::clone(&site),
        Random::new(!seed),
        Arc::clone(&stop),
    ));
    let memory = watch::run(&pool, length).await;

    stop.store(true, Ordering::Relaxed);
    chaos.await.expect("the chaos keeps its promises");
    let mut served = client::Served::default();
    for client in clients {
        served += client.await.expect("a client is treated well");
    }
    let status = pool.status();
    println!("{served:?}, {:?}, {memory:?}", status.totals);
    assert!(served.whole > 0 && served.left > 0, "{served:?}");
    watch::check_idle(&pool).await;
    pool.shutdown(Duration::from_secs(5)).await;
    common::check_counts(&pool.status());
    assert_eq!(pool.status().processes, 0);
    let left = site.processes();
    assert!(left.is_empty(), "processes outlived their pool: {left:?}");
    memory.check();
}
