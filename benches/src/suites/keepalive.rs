//! Idle keep-alive connections far above the number of workers: who still
//! answers?

use std::time::Duration;

use crate::Report;
use crate::contenders::{self, Contender, FpmPool, PhpFpm, Setup, nginx_with_php};
use crate::load::{Closed, closed_loop, rest};
use crate::report::{Drawing, Table};
use crate::stats::Spread;

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
    report.progress("http.idle_keepalive");
    let mut table = Table::new(
        format!("http idle_keepalive: {idle} resting connections, 8 busy ones"),
        &["requests/s", "starved of 8", "rested unanswered"],
    )
    .drawn(Drawing::Bars(vec![0]));
    let servers = servers(setup, idle)?;
    let mut outcomes: Vec<[Vec<f64>; 3]> = servers.iter().map(|_| Default::default()).collect();
    for _ in 0..options.repetitions() - 1 {
        for (server, outcome) in servers.iter().zip(&mut outcomes) {
            let values = rest_and_load(server, idle, options)?;
            for (all, value) in outcome.iter_mut().zip(values) {
                all.push(value);
            }
        }
    }
    for (server, outcome) in servers.iter().zip(&outcomes) {
        let spreads = outcome.each_ref().map(|values| Spread::of(values));
        let suffix = server.suffix();
        for (measure, spread) in ["rps", "starved", "rested_unanswered"].iter().zip(spreads) {
            report.spread(format!("http.idle_keepalive.{measure}{suffix}"), spread);
        }
        table.spreads(server.name, spreads.map(Some).to_vec());
    }
    report.table(table);
    Ok(())
}

fn servers(setup: &Setup<'_>, idle: usize) -> Result<Vec<Contender>, String> {
    let only_ours = ["none".to_owned()];
    let mut servers = contenders::start_all(setup, &only_ours)?;
    let nginx = PhpFpm::start(FpmPool::fixed(setup.workers))
        .and_then(|php| nginx_with_php("nginx_fpm_keepalive", setup, php, Some(idle)));
    match nginx {
        Ok(nginx) => servers.push(nginx),
        Err(error) => eprintln!("skipped nginx_fpm_keepalive: {error}"),
    }
    Ok(servers)
}

fn rest_and_load(server: &Contender, idle: usize, options: &Options) -> Result<[f64; 3], String> {
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
    Ok([run.rate(), run.starved as f64, resting.unanswered as f64])
}
