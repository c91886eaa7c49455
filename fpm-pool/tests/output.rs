//! What workers write costs the others nothing, however much it is.

mod common;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{Site, get, php, start, text, until};
use fpm_pool::{PoolConfig, PoolLimits, Sizing};
use tokio::time::timeout;

/// The programs of this name among the descendants of workers with this mark.
fn count(mark: &str, name: &str) -> usize {
    let wanted = format!("MARK={mark}");
    let all = fs::read_dir("/proc").unwrap().flatten();
    let found = all.filter(|entry| {
        let read = |file| fs::read(entry.path().join(file)).unwrap_or_default();
        let environment = read("environ");
        let mut variables = environment.split(|&byte| byte == 0);
        variables.any(|variable| variable == wanted.as_bytes())
            && read("comm").trim_ascii() == name.as_bytes()
    });
    found.count()
}

fn config(mark: &str, workers: usize) -> PoolConfig {
    PoolConfig::new("output")
        .command(php().env("MARK", mark).env("PATH", "/usr/bin:/bin"))
        .sizing(Sizing::Static {
            max_children: workers,
        })
}

#[tokio::test]
async fn a_flood_of_lines_costs_the_others_nothing_and_ends_with_its_request() {
    let source = "<?php exec('yes >&2 &'); echo 'a';";
    let site = Site::new(&[("yes.php", source), ("b.php", "<?php echo 'b';")]);
    let mark = format!("flood-{}", std::process::id());
    let logged = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let config = config(&mark, 3).output({
        let logged = Arc::clone(&logged);
        move |_| {
            logged.fetch_add(1, Ordering::Relaxed);
        }
    });
    let pool = start(config).await;
    assert_eq!(text(pool.call(get(&site.path("yes.php"))).await).await, "a");
    let quick = async {
        for _ in 0..200 {
            assert_eq!(text(pool.call(get(&site.path("b.php"))).await).await, "b");
        }
    };
    timeout(Duration::from_secs(60), quick)
        .await
        .expect("they are answered");
    until("more comes than is logged", || {
        pool.status().totals.output_lines_dropped > 0
    })
    .await;
    until("the flood is ended", || count(&mark, "yes") == 0).await;
    let status = pool.status();
    // The worker itself was none of it.
    assert!(status.totals.exits.is_empty(), "{:?}", status.totals.exits);
    let dropped = status.totals.output_lines_dropped;
    assert!(
        dropped > 1000 && status.totals.output_lines >= dropped,
        "{dropped}"
    );
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    let logged = logged.load(Ordering::Relaxed);
    assert!(
        logged < 1100 * (seconds + 2),
        "{logged} lines in {seconds} s"
    );
    pool.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_flood_is_ended_with_its_request_on_a_worker_that_never_rests() {
    let source = "<?php if (!file_exists(__FILE__ . '.x')) {
        touch(__FILE__ . '.x'); exec('yes >&2 &'); } echo 'a';";
    let site = Site::new(&[("yes.php", source)]);
    let mark = format!("busy-{}", std::process::id());
    let pool = start(config(&mark, 1)).await;
    let yes = site.path("yes.php");
    assert_eq!(text(pool.call(get(&yes)).await).await, "a");
    until("it floods", || count(&mark, "yes") == 1).await;
    let give_up = Instant::now() + Duration::from_secs(60);
    while count(&mark, "yes") > 0 {
        assert!(Instant::now() < give_up, "it floods on");
        assert_eq!(text(pool.call(get(&yes)).await).await, "a");
    }
    assert!(pool.status().totals.exits.is_empty());
    pool.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn lines_beyond_the_budget_are_counted_and_told_of() {
    let source = "<?php for ($i = 1; $i <= 500; $i++) error_log(\"line $i\");
        $e = fopen('php://stderr', 'w');
        for ($i = 1; $i <= 500; $i++) fwrite($e, \"other $i\\n\"); echo 'a';";
    let site = Site::new(&[("many.php", source)]);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let limits = PoolLimits::default().output_lines_per_sec(10);
    let config = config("many", 1).limits(limits).output({
        let lines = Arc::clone(&lines);
        move |output| {
            let line = String::from_utf8_lossy(output.line).into_owned();
            lines.lock().unwrap().push(line);
        }
    });
    let pool = start(config).await;
    assert_eq!(
        text(pool.call(get(&site.path("many.php"))).await).await,
        "a"
    );
    until("all were read", || {
        pool.status().totals.output_lines == 1000
    })
    .await;
    let dropped = pool.status().totals.output_lines_dropped;
    assert!((800..=990).contains(&dropped), "{dropped}");
    // Nothing more is written, and still they are told of.
    let told = || -> u64 {
        let lines = lines.lock().unwrap();
        let counts = lines.iter().filter_map(|line| {
            let rest = line.strip_prefix('(')?;
            rest.strip_suffix(" more lines than are logged)")?
                .parse::<u64>()
                .ok()
        });
        counts.sum()
    };
    until("they are told of", || told() == dropped).await;
}
