//! Under load: workers that are killed, and reloads, cost no client a thing.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{Site, fixed, get, is_alive, php, start, text, until};
use fpm_pool::{ErrorKind, PoolConfig, PoolHandle, Sizing};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a test of this file runs: 3 seconds, or `FPM_POOL_SOAK_SECS`.
fn duration() -> Duration {
    let secs = std::env::var("FPM_POOL_SOAK_SECS").ok();
    Duration::from_secs(secs.and_then(|secs| secs.parse().ok()).unwrap_or(3))
}

/// Clients that ask one after the other until told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(pool: &PoolHandle, site: &Site, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let served = Arc::new(AtomicU64::new(0));
        let clients = (0..clients)
            .map(|_| {
                let (pool, script) = (pool.clone(), site.path("page.php"));
                let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
                tokio::spawn(async move {
                    let mut errors = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        match pool.call(get(&script)).await {
                            Ok(answer) if answer.status() == 200 => {
                                assert_eq!(text(Ok(answer)).await, "page");
                                served.fetch_add(1, Ordering::Relaxed);
                            }
                            Ok(answer) => errors.push(answer.status().to_string()),
                            Err(error) => errors.push(format!("{error:?}")),
                        }
                    }
                    errors
                })
            })
            .collect();
        Self {
            stop,
            served,
            clients,
        }
    }

    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            let errors = client.await.unwrap();
            assert!(
                errors.is_empty(),
                "{} failed: {:?}",
                errors.len(),
                errors[0]
            );
        }
        self.served.load(Ordering::Relaxed)
    }
}

fn page() -> Site {
    Site::new(&[("page.php", "<?php usleep(500); echo 'page';")])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_cost_no_client_an_error() {
    let site = page();
    let pool = start(fixed(4)).await;
    let load = Load::start(&pool, &site, 16);
    let end = Instant::now() + duration();
    let mut killed = 0;
    while Instant::now() < end {
        let workers = pool.status().workers;
        if let Some(pid) = workers
            .get(killed % workers.len().max(1))
            .and_then(|w| w.process_id)
        {
            // It may have ended since.
            let _ = kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL);
            killed += 1;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let served = load.end().await;
    assert!(served > 100, "{served}");
    assert!(killed > 3);
    let status = pool.status();
    assert_eq!(status.totals.errors, []);
    until("all are back", || pool.status().idle() == 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_reloads_under_load_cost_no_client_an_error() {
    let site = page();
    let pool = start(fixed(2)).await;
    let before: Vec<_> = pool
        .status()
        .workers
        .iter()
        .filter_map(|w| w.process_id)
        .collect();
    let load = Load::start(&pool, &site, 8);
    for generation in 2..22 {
        assert_eq!(pool.reload(fixed(2)).await.unwrap(), generation);
    }
    let served = load.end().await;
    assert!(served > 100, "{served}");
    until("the old ones are gone", || pool.status().workers.len() == 2).await;
    assert!(before.iter().all(|&pid| !is_alive(pid)));
    let status = pool.status();
    assert_eq!((status.generation, status.totals.reloads), (21, 20));
    assert_eq!(status.totals.errors, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_cannot_work_changes_nothing_and_says_why() {
    let site = page();
    let pool = start(fixed(2)).await;
    let load = Load::start(&pool, &site, 4);
    let ini = site.write("php.ini", "a = 1\nb = \"not closed\n[c\n");
    let cases = [
        (php().php_ini(&ini), "syntax error"),
        (php().php_ini(site.path("none.ini")), "No such file"),
        (
            fpm_pool::WorkerCommand::php_cgi("/nowhere/php-cgi"),
            "/nowhere/php-cgi",
        ),
        (
            fpm_pool::WorkerCommand::new("/bin/false"),
            "exited with code 1",
        ),
        (php().user("nobody knows"), "nobody knows"),
    ];
    for (command, expected) in cases {
        let config = PoolConfig::new("test")
            .command(command)
            .sizing(Sizing::Static { max_children: 2 });
        let error = pool.reload(config).await.unwrap_err();
        let reason = std::error::Error::source(&error).unwrap().to_string();
        assert!(reason.contains(expected), "{reason}");
        assert!(matches!(
            error.kind(),
            ErrorKind::Reload | ErrorKind::Config
        ));
    }
    load.end().await;
    assert_eq!(pool.status().generation, 1);
    until("what was tried is gone", || {
        pool.status().workers.len() == 2
    })
    .await;
    pool.reload(fixed(2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_brings_new_settings() {
    let site = Site::new(&[(
        "ini.php",
        "<?php echo ini_get('user_agent'), getenv('STAGE');",
    )]);
    let pool = start(fixed(1)).await;
    assert_eq!(text(pool.call(get(&site.path("ini.php"))).await).await, "");
    let command = php().define("user_agent", "a b;c").env("STAGE", "two");
    let config = PoolConfig::new("test")
        .command(command)
        .sizing(Sizing::Static { max_children: 1 });
    pool.reload(config).await.unwrap();
    assert_eq!(
        text(pool.call(get(&site.path("ini.php"))).await).await,
        "a b;ctwo"
    );
}
