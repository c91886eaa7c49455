//! What a pool's rules cost per request, without processes or connections.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fpm_pool::testing::Simulation;
use fpm_pool::{PoolConfig, Queue, Sizing};

const WORKERS: usize = 16;

fn pool() -> Simulation {
    let config = PoolConfig::new("bench")
        .sizing(Sizing::Static {
            max_children: WORKERS,
        })
        .queue(
            Queue::default()
                .max_len(1000)
                .max_wait(Duration::from_secs(3600)),
        );
    Simulation::new(&config)
}

/// A pool with all workers busy and `waiting` requests in the queue.
fn full_pool(waiting: usize) -> Simulation {
    let mut pool = pool();
    for _ in 0..WORKERS + waiting {
        pool.request();
    }
    pool
}

fn machine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("machine");
    group.throughput(Throughput::Elements(1));
    group.bench_function("request_on_an_idle_worker", |bencher| {
        let mut pool = pool();
        bencher.iter(|| {
            black_box(pool.request());
            pool.finish()
        });
    });
    for waiting in [1, 500] {
        group.bench_function(format!("request_behind_{waiting}"), |bencher| {
            let mut pool = full_pool(waiting);
            bencher.iter(|| {
                black_box(pool.request());
                pool.finish()
            });
        });
    }
    group.bench_function("a_millisecond_of_500_waiting", |bencher| {
        let mut pool = full_pool(500);
        bencher.iter(|| pool.pass(Duration::from_millis(1)));
    });
    group.finish();
}

criterion_group!(benches, machine);
criterion_main!(benches);
