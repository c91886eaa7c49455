//! What the HTTP side counts by itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::StatusCode;

/// Totals since the start. Each is exact; together they are not a snapshot.
#[derive(Debug)]
pub(crate) struct Counters {
    started: Instant,
    requests: AtomicU64,
    ended: AtomicU64,
    body_bytes: AtomicU64,
    /// By class of status: 1xx is left out.
    by_class: [AtomicU64; 4],
    connections: AtomicU64,
    open_connections: AtomicU64,
}

/// The values at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) uptime_seconds: f64,
    pub(crate) requests: u64,
    pub(crate) active_requests: u64,
    pub(crate) body_bytes: u64,
    pub(crate) by_class: [u64; 4],
    pub(crate) connections: u64,
    pub(crate) open_connections: u64,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            requests: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
            by_class: Default::default(),
            connections: AtomicU64::new(0),
            open_connections: AtomicU64::new(0),
        }
    }

    /// Notes a request and returns its number, from 1.
    pub(crate) fn begun(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Notes the end of a request's answer.
    pub(crate) fn ended(&self, status: StatusCode, body_bytes: u64) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.body_bytes.fetch_add(body_bytes, Ordering::Relaxed);
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        self.by_class[class].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.open_connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn disconnected(&self) {
        self.open_connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Ended first: a request that ends in between is active, not lost.
        let ended = get(&self.ended);
        let requests = get(&self.requests);
        Counts {
            uptime_seconds: self.started.elapsed().as_secs_f64(),
            requests,
            active_requests: requests.saturating_sub(ended),
            body_bytes: get(&self.body_bytes),
            by_class: std::array::from_fn(|class| get(&self.by_class[class])),
            connections: get(&self.connections),
            open_connections: get(&self.open_connections),
        }
    }
}
