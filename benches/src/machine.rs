//! What processes cost, read from `/proc`: CPU time and memory of a whole
//! process tree, and whether the machine is quiet enough to measure on.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::stats::Spread;

/// Clock ticks per second of `/proc/PID/stat`: fixed at 100 on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds that the trees below `roots` have used, ended children that
/// were waited for included.
#[must_use]
pub fn cpu_seconds(roots: &[u32]) -> f64 {
    let ticks: u64 = tree(roots).iter().filter_map(|&pid| cpu_ticks(pid)).sum();
    ticks as f64 / TICKS_PER_SECOND
}

/// CPU seconds of processes that are gone without having been waited for.
static GONE_TICKS: AtomicU64 = AtomicU64::new(0);

/// Notes what the trees below `roots`, which are about to be killed, have
/// used; the roots themselves are waited for and counted with this process.
pub fn note_end(roots: &[u32]) {
    let below = tree(roots).into_iter().filter(|pid| !roots.contains(pid));
    let ticks = below.filter_map(cpu_ticks).sum();
    GONE_TICKS.fetch_add(ticks, Ordering::Relaxed);
}

/// Watches what the machine does beside this program and what it started.
#[derive(Debug)]
pub struct Watch {
    begin: Instant,
    busy: f64,
    own: f64,
}

impl Watch {
    /// Begins to watch.
    #[must_use]
    pub fn start() -> Self {
        Self {
            begin: Instant::now(),
            busy: busy_seconds(),
            own: own_seconds(),
        }
    }

    /// The share of all CPUs' time since then that others have used.
    #[must_use]
    pub fn others_share(&self) -> f64 {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let all = self.begin.elapsed().as_secs_f64() * cpus as f64;
        let others = (busy_seconds() - self.busy) - (own_seconds() - self.own);
        others.max(0.0) / all
    }
}

/// Above this share of [`Watch::others_share`] the harness refuses to report.
pub const OTHERS_LIMIT: f64 = 0.2;

/// CPU seconds of this process, of all it started and of those that are gone.
fn own_seconds() -> f64 {
    let gone = GONE_TICKS.load(Ordering::Relaxed) as f64 / TICKS_PER_SECOND;
    cpu_seconds(&[std::process::id()]) + gone
}

/// CPU seconds that all CPUs worked (or were taken away by a hypervisor); 0
/// where the system does not tell.
fn busy_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = stat.lines().next().unwrap_or_default();
    let ticks = |index: usize| {
        let field = fields.split_whitespace().nth(index + 1);
        field.and_then(|ticks| ticks.parse().ok()).unwrap_or(0.0)
    };
    // user, nice, system, irq, softirq, steal: not idle, iowait and guest.
    [0, 1, 2, 5, 6, 7].map(ticks).iter().sum::<f64>() / TICKS_PER_SECOND
}

/// Proportional set size, in bytes, of the trees below `roots`: shared pages
/// count once in total.
#[must_use]
pub fn pss_bytes(roots: &[u32]) -> u64 {
    tree(roots).iter().filter_map(|&pid| pss(pid)).sum()
}

/// `roots` and all their descendants.
#[must_use]
pub fn tree(roots: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, parent) in all_processes() {
        children.entry(parent).or_default().push(pid);
    }
    let mut found = roots.to_vec();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.get(pid).into_iter().flatten().copied());
        next += 1;
    }
    found
}

/// The processes below `root` that have no children.
#[must_use]
pub fn leaves(root: u32) -> Vec<u32> {
    let parents: Vec<u32> = all_processes().iter().map(|&(_, parent)| parent).collect();
    let below = tree(&[root]).into_iter().skip(1);
    below.filter(|pid| !parents.contains(pid)).collect()
}

/// How often the threads of `pids` gave up a CPU by themselves, and how often
/// it was taken from them.
#[must_use]
pub fn context_switches(pids: &[u32]) -> (u64, u64) {
    let tasks = pids.iter().filter_map(|pid| {
        let folder = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        Some(folder.flatten().map(|task| task.path().join("status")))
    });
    let count = |status: &str, name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|count| count.trim().parse::<u64>().ok())
            .unwrap_or(0)
    };
    let mut both = (0, 0);
    for path in tasks.flatten() {
        let status = fs::read_to_string(path).unwrap_or_default();
        both.0 += count(&status, "voluntary_ctxt_switches:");
        both.1 += count(&status, "nonvoluntary_ctxt_switches:");
    }
    both
}

fn all_processes() -> Vec<(u32, u32)> {
    let Ok(folder) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    folder
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat_fields(pid)?.get(1)?.parse().ok()?)))
        .collect()
}

/// The fields of `/proc/PID/stat` from the state on (field 3 of proc(5)).
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name may hold blanks and brackets: start after the last.
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn cpu_ticks(pid: u32) -> Option<u64> {
    let fields = stat_fields(pid)?;
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5).
    fields
        .get(11..15)?
        .iter()
        .map(|field| field.parse::<u64>().ok())
        .sum()
}

fn pss(pid: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find(|line| line.starts_with("Pss:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Measures how evenly the machine runs: the spread of a fixed piece of work,
/// slowest over fastest.
///
/// A quiet machine stays below 1.2; above [`NOISE_LIMIT`] figures of single
/// runs mean nothing.
#[must_use]
pub fn noise() -> f64 {
    let times: Vec<f64> = (0..15).map(|_| fixed_work().as_secs_f64()).collect();
    let spread = Spread::of(&times);
    // The slowest piece may be one unlucky interrupt: the median is the judge.
    spread.median / spread.min
}

/// Above this [`noise`] the harness refuses to report.
pub const NOISE_LIMIT: f64 = 1.5;

fn fixed_work() -> Duration {
    let begin = Instant::now();
    let mut state = 1_u64;
    for _ in 0..4_000_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
    }
    std::hint::black_box(state);
    begin.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_tree_holds_this_process_and_its_child() {
        let me = std::process::id();
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let found = tree(&[me]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&me) && found.contains(&child.id()));
    }

    #[test]
    fn own_work_is_not_that_of_others() {
        let watch = Watch::start();
        let before = own_seconds();
        while own_seconds() - before < 0.1 {
            std::hint::black_box(fixed_work());
        }
        let own = own_seconds() - watch.own;
        assert!(busy_seconds() - watch.busy >= own * 0.5);
        assert!((0.0..=1.0).contains(&watch.others_share()));
    }

    #[test]
    fn own_memory_is_counted() {
        assert!(pss_bytes(&[std::process::id()]) > 0);
    }
}
