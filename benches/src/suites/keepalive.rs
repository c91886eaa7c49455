//! Idle keep-alive connections far above the number of workers: who still
//! answers?

use std::time::Duration;

use crate::Report;
use crate::contenders::{self, Contender, FpmPool, PhpFpm, Setup, nginx_with_php};
use crate::load::{Closed, closed_loop, rest};
use crate::report::Table;

use super::Options;

/// Opens `idle` keep-alive connections that were answered once and then rest,
/// and measures eight busy ones beside them: on `serve`, and on nginx with
/// kept connections to no more php-fpm workers than `serve` has.
pub(super) fn run(
    setup: &Setup<'_>,
    idle: usize,
    options: &Options,
    report: &mut Report,
) -> Result<(), String> {
    let mut table = Table::new(
        format!("http idle_keepalive: {idle} resting connections, 8 busy ones"),
        &["requests/s", "starved of 8", "rested unanswered"],
    );
    let only_ours = ["none".to_owned()];
    let mut servers = contenders::start_all(setup, &only_ours)?;
    let php = PhpFpm::start(FpmPool::fixed(setup.workers))?;
    match nginx_with_php("nginx_fpm_keepalive", setup, php, Some(idle)) {
        Ok(nginx) => servers.push(nginx),
        Err(error) => eprintln!("skipped nginx_fpm_keepalive: {error}"),
    }
    for server in &servers {
        let (rate, starved, unanswered) = rest_and_load(server, idle, options)?;
        let suffix = server.suffix();
        report.figure(format!("http.idle_keepalive.rps{suffix}"), rate);
        report.figure(format!("http.idle_keepalive.starved{suffix}"), starved);
        table.row(
            server.name,
            vec![Some(rate), Some(starved), Some(unanswered)],
        );
    }
    report.table(table);
    Ok(())
}

fn rest_and_load(
    server: &Contender,
    idle: usize,
    options: &Options,
) -> Result<(f64, f64, f64), String> {
    // All at once, as browsers arrive; those not answered within 3 s rest too.
    let limit = Duration::from_secs(3);
    let resting = rest(server.port, idle, &contenders::hello(), limit)?;
    let duration = Duration::from_millis(if options.quick { 1000 } else { 4000 });
    let run = Closed {
        port: server.port,
        connections: 8,
        duration,
    };
    let run = closed_loop(run, &contenders::hello())?;
    Ok((run.rate(), run.starved as f64, resting.unanswered as f64))
}
