//! What slow clients cost; alone in its process, for others would be
//! measured with it.

mod common;

use std::fs;

use common::{Site, fixed, get, start, text, until};
use fpm_pool::{Queue, ResponseBody};
use http::Response;

const FLUSHES: usize = 1000;

/// What is kept of an answer beside its bytes: its head, its place in the
/// pool's books, and what the allocator rounds up.
const BESIDE: usize = 12 << 10;

/// 1,000, or what `FPM_POOL_SLOW_CLIENTS` says.
fn clients() -> usize {
    let count = std::env::var("FPM_POOL_SLOW_CLIENTS").ok();
    count.and_then(|count| count.parse().ok()).unwrap_or(1000)
}

fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[tokio::test]
async fn one_byte_flushes_to_clients_that_read_nothing_hold_their_bytes_alone() {
    let script = format!(
        "<?php ob_end_flush(); for ($i = 0; $i < {FLUSHES}; $i++) {{ echo 'x'; flush(); }}"
    );
    let site = Site::new(&[("flush.php", &script)]);
    let clients = clients();
    let queue = Queue::default().max_len(clients);
    let pool = start(fixed(4).queue(queue)).await;
    let answers = async || {
        let calls = (0..clients).map(|_| {
            let (pool, request) = (pool.clone(), get(&site.path("flush.php")));
            tokio::spawn(async move { pool.call(request).await.unwrap() })
        });
        let calls: Vec<_> = calls.collect();
        let mut answers: Vec<Response<ResponseBody>> = Vec::with_capacity(clients);
        for call in calls {
            answers.push(call.await.unwrap());
        }
        until("all answers have come", || pool.status().idle() == 4).await;
        answers
    };
    let before = resident();
    let held = answers().await;
    let grown = resident().saturating_sub(before);
    println!("{clients} clients: {} KiB", grown >> 10);
    let justified = clients * (FLUSHES + BESIDE) + (1 << 20);
    assert!(grown < justified, "{grown} bytes, not {justified}");
    for answer in held {
        assert_eq!(text(Ok(answer)).await.len(), FLUSHES);
    }
}
