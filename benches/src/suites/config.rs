//! A check of a thousand pools, against php-fpm's own test.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use peers::{InstalledFpm, Peer};

use crate::Report;
use crate::contenders::build_program;
use crate::report::Table;
use crate::stats::Spread;
use crate::suites::Options;

/// Pools of the tree, each in a file of its own.
const POOLS: usize = 1_000;

pub(super) fn run(options: &Options, report: &mut Report) -> Result<(), String> {
    let php_fpm = InstalledFpm::find()
        .ok_or("php-fpm is missing: apt-get install --no-install-recommends php-fpm")?;
    let fpmconf = build_program("fpmconf")?;
    let folder = Peer::folder();
    let main = tree(folder.path()).map_err(|error| error.to_string())?;
    // Both without php.ini, so that neither reads more than the tree.
    let mut ours = Command::new(fpmconf);
    // Like `-t`, this checks without printing every value (`-tt`).
    ours.args(["check", "-n"]).arg(&main);
    let mut theirs = Command::new(php_fpm.program());
    theirs.args(["-n", "-t", "-y"]).arg(&main);
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    // The first turn warms the page cache for both.
    for turn in 0..=options.repetitions() {
        let (our_time, their_time) = (milliseconds(&mut ours)?, milliseconds(&mut theirs)?);
        if turn > 0 {
            our_times.push(our_time);
            their_times.push(their_time);
        }
    }
    report.spread("config.check_1000.ms", Spread::of(&our_times));
    report.spread(
        "config.check_1000.ms.peer_php_fpm",
        Spread::of(&their_times),
    );
    let ratio = Spread::of_ratios(&our_times, &their_times);
    report.spread("config.check_1000.ratio_to_php_fpm", ratio);
    let mut table = Table::new("config: check of 1,000 pools", &["ms"]);
    table.row("fpmconf check", vec![Some(Spread::of(&our_times).median)]);
    table.row("php-fpm -t", vec![Some(Spread::of(&their_times).median)]);
    report.table(table);
    Ok(())
}

/// A main file that includes a file for each pool.
fn tree(folder: &Path) -> std::io::Result<PathBuf> {
    let pools = folder.join("pool.d");
    fs::create_dir(&pools)?;
    let root = folder.display();
    for number in 0..POOLS {
        let path = pools.join(format!("site{number:04}.conf"));
        fs::write(path, pool(number, folder))?;
    }
    let main = folder.join("php-fpm.conf");
    let text = format!(
        "[global]\npid = {root}/fpm.pid\nerror_log = {root}/error.log\n\
         process_control_timeout = 30s\ninclude = {root}/pool.d/*.conf\n"
    );
    fs::write(&main, text)?;
    Ok(main)
}

/// A pool as a hosting panel writes it.
fn pool(number: usize, folder: &Path) -> String {
    let root = folder.display();
    let mut text = format!(
        "; site {number}\n[site{number:04}]\nuser = www-data\ngroup = www-data\n\n\
         listen = {root}/$pool.sock\nlisten.owner = www-data\nlisten.group = www-data\n\
         listen.mode = 0660\n\n; sized by plan\npm = ondemand\npm.max_children = 10\n\
         pm.process_idle_timeout = 10s\npm.max_requests = 500\n\n\
         request_terminate_timeout = 60s\ncatch_workers_output = yes\n\n"
    );
    let values = [
        ("open_basedir", "/srv/$pool:/tmp"),
        ("upload_tmp_dir", "/srv/$pool/tmp"),
        ("session.save_path", "/srv/$pool/sessions"),
        ("memory_limit", "128M"),
        ("disable_functions", "exec,passthru,shell_exec,system"),
    ];
    for (name, value) in values {
        let _ = writeln!(text, "php_admin_value[{name}] = {value}");
    }
    text.push_str("php_admin_flag[log_errors] = on\nenv[TMP] = /tmp\n");
    text
}

/// How long one run takes.
fn milliseconds(command: &mut Command) -> Result<f64, String> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = command
        .status()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let time = start.elapsed().as_secs_f64() * 1000.0;
    if status.success() {
        Ok(time)
    } else {
        Err(format!("{command:?} refused the tree: {status}"))
    }
}
