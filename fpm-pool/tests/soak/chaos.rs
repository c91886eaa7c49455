//! What happens to the pool meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fpm_pool::{PoolConfig, PoolHandle, Sizing, WorkerCommand};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::sleep;

use crate::random::Random;
use crate::site::SoakSite;

/// One thing after the other until `stop`; then everything is as it was.
pub(crate) async fn run(
    pool: PoolHandle,
    site: Arc<SoakSite>,
    mut random: Random,
    stop: Arc<AtomicBool>,
) {
    while !stop.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(random.below(400))).await;
        match random.below(12) {
            0..4 => signal(&pool, &mut random, Signal::SIGKILL),
            4 => signal(&pool, &mut random, Signal::SIGSTOP),
            5 => signal(&pool, &mut random, Signal::SIGTERM),
            6 | 7 => {
                // It fails when a new worker is killed.
                let _ = pool.reload(site.config()).await;
            }
            8 => {
                let command = WorkerCommand::new("/bin/false");
                let config = PoolConfig::new("soak").command(command);
                let reloaded = pool.reload(config).await;
                assert!(reloaded.is_err(), "a program that ends is no worker");
            }
            9 => {
                site.switch("fail", true);
                sleep(Duration::from_millis(random.below(1500))).await;
                site.switch("fail", false);
            }
            10 => site.switch("wrap", random.one_in(2)),
            _ => resize(&pool, &mut random),
        }
    }
    site.switch("fail", false);
    let sizing = Sizing::Static { max_children: 4 };
    pool.resize(sizing).expect("the first size fits");
}

fn signal(pool: &PoolHandle, random: &mut Random, signal: Signal) {
    let workers = pool.status().workers;
    let Some(pid) = random.pick(&workers).and_then(|worker| worker.process_id) else {
        return;
    };
    // It may have ended meanwhile.
    let _ = kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal);
}

fn resize(pool: &PoolHandle, random: &mut Random) {
    let max_children = usize::try_from(random.below(5)).unwrap_or(0) + 1;
    let sizing = match random.below(3) {
        0 => Sizing::Static { max_children },
        1 => Sizing::Ondemand {
            max_children,
            process_idle_timeout: Duration::from_millis(200),
        },
        _ => Sizing::Dynamic {
            max_children: max_children + 1,
            start_servers: 1,
            min_spare_servers: 1,
            max_spare_servers: 2,
        },
    };
    pool.resize(sizing).expect("the numbers fit");
}
