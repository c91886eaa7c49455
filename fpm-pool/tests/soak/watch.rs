//! What has to be true all the time.

use std::fs;
use std::time::{Duration, Instant};

use fpm_pool::PoolHandle;
use tokio::time::sleep;

use crate::common::{check_counts, until};
use crate::site::QUEUE;

/// Of a pool of at most six workers, unless it was larger a moment ago.
const MOST_PROCESSES: usize = 12;

/// Resident bytes, once everything has happened for a while, and at the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    warm: u64,
    last: u64,
}

impl Memory {
    /// Flat, give or take what answers and uploads hold at a time.
    pub(crate) fn check(self) {
        let most = self.warm + (48 << 20);
        assert!(self.last < most, "memory grows: {self:?}");
    }
}

/// Looks again and again for as long as the soak lasts.
pub(crate) async fn run(pool: &PoolHandle, length: Duration) -> Memory {
    let (began, mut warm) = (Instant::now(), 0);
    while began.elapsed() < length {
        look(pool);
        if began.elapsed() < length / 3 {
            warm = resident().max(warm);
        }
        sleep(Duration::from_millis(10)).await;
    }
    let last = resident();
    Memory { warm, last }
}

fn look(pool: &PoolHandle) {
    let status = pool.status();
    let totals = &status.totals;
    let ended = totals.finished + totals.failed + totals.abandoned;
    assert_eq!(totals.begun, ended + status.running as u64, "{status:?}");
    assert!(status.processes <= MOST_PROCESSES, "{status:?}");
    // Places in the queue and for keys, and workers that were there a moment
    // ago. A size that changes may move requests from one to the other.
    assert!(status.queue_len <= 2 * QUEUE + MOST_PROCESSES, "{status:?}");
}

/// With nobody there the pool comes to rest, at its full size.
pub(crate) async fn check_idle(pool: &PoolHandle) {
    until("the pool is at rest", || {
        let status = pool.status();
        status.running == 0 && status.queue_len == 0 && status.idle() == 4
    })
    .await;
    check_counts(&pool.status());
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap_or(0)
        << 10
}
