//! `compare`: measures this project and its peers side by side in one run.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use benches::Report;
use benches::suites::{ALL, Options, Suite};
use clap::Parser;

/// Measures this project and its peers side by side in one run.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Suites to run; all of them when none is named.
    suites: Vec<String>,
    /// Fewer repetitions: for a look, not for quoting.
    #[arg(long)]
    quick: bool,
    /// Writes every figure to FILE as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
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
    let mut report = Report::default();
    for suite in chosen(&args.suites)? {
        (suite.run)(&options, &mut report).map_err(|error| format!("{}: {error}", suite.name))?;
    }
    if let Some(path) = &args.json {
        let json =
            serde_json::to_vec_pretty(report.figures()).map_err(|error| error.to_string())?;
        fs::write(path, json).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
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
