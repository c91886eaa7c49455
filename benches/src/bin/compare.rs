//! `compare`: measures this project and its peers side by side in one run.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use benches::suites::{ALL, Options, Suite};
use benches::{Report, machine, plot};
use clap::Parser;

/// Measures this project and its peers side by side in one run.
#[derive(Debug, Parser)]
#[command(version, after_help = suites_help())]
struct Args {
    /// Suites to run; all of them when none is named.
    suites: Vec<String>,
    /// Fewer repetitions: for a look, not for quoting.
    #[arg(long)]
    quick: bool,
    /// Writes every figure to FILE as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes a page with a table and a plot of every case into DIR.
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    /// PHP workers of every server.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,
    /// Only cases whose name contains TEXT (repeatable).
    #[arg(long = "case", value_name = "TEXT")]
    cases: Vec<String>,
    /// Only these peers beside ours (repeatable).
    #[arg(long = "peer", value_name = "NAME")]
    peers: Vec<String>,
    /// Reports even when the machine is too noisy for it to mean much.
    #[arg(long)]
    allow_noise: bool,
}

fn suites_help() -> String {
    let lines = ALL
        .iter()
        .map(|suite| format!("  {:10} {}\n", suite.name, suite.about));
    format!("Suites:\n{}", lines.collect::<String>())
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("compare: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let mut options = Options::default();
    options.quick = args.quick;
    options.workers = usize::from(args.workers);
    options.cases.clone_from(&args.cases);
    options.peers.clone_from(&args.peers);
    let suites = chosen(&args.suites)?;
    let any_noise = args.allow_noise || suites.iter().all(|suite| !suite.timed);
    quiet_enough(any_noise)?;
    let mut report = Report::default();
    for suite in suites {
        (suite.run)(&options, &mut report).map_err(|error| format!("{}: {error}", suite.name))?;
    }
    quiet_enough(any_noise)?;
    if let Some(folder) = &args.svg {
        plot::write_page(&report, folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    if let Some(path) = &args.json {
        let json =
            serde_json::to_vec_pretty(report.figures()).map_err(|error| error.to_string())?;
        fs::write(path, json).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Checked before and after: a machine that does other work tells nothing.
fn quiet_enough(allow_noise: bool) -> Result<(), String> {
    if allow_noise {
        return Ok(());
    }
    let noise = machine::noise();
    if noise <= machine::NOISE_LIMIT {
        return Ok(());
    }
    Err(format!(
        "the machine is too noisy: the same work took {noise:.1} times as long (limit {}); \
         stop what else runs, or pass --allow-noise for a look",
        machine::NOISE_LIMIT
    ))
}

fn chosen(names: &[String]) -> Result<Vec<&'static Suite>, String> {
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    names
        .iter()
        .map(|name| {
            ALL.iter().find(|suite| suite.name == name).ok_or_else(|| {
                let known: Vec<_> = ALL.iter().map(|suite| suite.name).collect();
                format!("no suite `{name}`; there are: {}", known.join(", "))
            })
        })
        .collect()
}
