//! A supervisor that is killed takes its workers with it.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::{fixed, is_alive, start, until};

/// Runs as the victim, when the test below says so.
#[tokio::test]
#[ignore = "is run by the other test"]
async fn victim() {
    let pool = start(fixed(3)).await;
    until("all are ready", || pool.status().idle() == 3).await;
    for worker in pool.status().workers {
        println!("worker {}", worker.process_id.unwrap());
    }
    println!("done");
    std::future::pending::<()>().await;
}

#[test]
fn no_worker_survives_a_killed_supervisor() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "victim", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut workers: Vec<u32> = Vec::new();
    for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(pid) = line.strip_prefix("worker ") {
            workers.push(pid.parse().unwrap());
        }
        if line == "done" {
            break;
        }
    }
    assert_eq!(workers.len(), 3);
    assert!(workers.iter().all(|&pid| is_alive(pid)));
    victim.kill().unwrap();
    victim.wait().unwrap();
    peers::wait_until("the workers are gone", || {
        workers.iter().all(|&pid| !is_alive(pid))
    });
}
