//! `compare`: measures this project and its peers side by side in one run.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use benches::suites::{ALL, Options, Suite};
use benches::{Report, interrupt, machine, page};
use clap::Parser;

/// How long the machine is watched at rest before a suite begins.
const IDLE_TIME: Duration = Duration::from_millis(500);

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
    known_peers(&args.peers)?;
    let suites = chosen(&args.suites)?;
    let _folder = interrupt::guard().map_err(|error| error.to_string())?;
    // Found out now, not after minutes of measuring.
    let json = args.json.as_deref().map(create).transpose()?;
    if let Some(folder) = &args.svg {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut report = Report::default();
    for suite in suites {
        measure(suite, &options, args.allow_noise, &mut report)?;
    }
    if let Some(folder) = &args.svg {
        page::write(&report, folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    if let Some((path, file)) = json {
        serde_json::to_writer_pretty(file, report.figures())
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if report.figures().is_empty() && !benches::suites::is_child() {
        return Err(format!("no case is called `{}`", args.cases.join("`, `")));
    }
    Ok(())
}

/// Runs a suite and prints its figures, unless the machine was busy with other
/// things before, meanwhile or afterwards.
fn measure(
    suite: &Suite,
    options: &Options,
    allow_noise: bool,
    report: &mut Report,
) -> Result<(), String> {
    let watched = suite.timed && !allow_noise;
    if watched {
        quiet(&machine::Watch::start(), IDLE_TIME)?;
    }
    let watch = machine::Watch::start();
    (suite.run)(options, report).map_err(|error| format!("{}: {error}", suite.name))?;
    if watched {
        quiet(&watch, Duration::ZERO)?;
    }
    report.publish();
    Ok(())
}

/// Refuses when others have used the CPUs since `watch` began, or when the
/// same work takes unevenly long.
fn quiet(watch: &machine::Watch, wait: Duration) -> Result<(), String> {
    std::thread::sleep(wait);
    let others = watch.others_share();
    let advice = "stop what else runs, or pass --allow-noise for a look";
    if others > machine::OTHERS_LIMIT {
        return Err(format!(
            "the machine is too noisy: other programs used {:.0} % of its CPUs (limit {:.0} %); {advice}",
            others * 100.0,
            machine::OTHERS_LIMIT * 100.0
        ));
    }
    let noise = machine::noise();
    if noise > machine::NOISE_LIMIT {
        return Err(format!(
            "the machine is too noisy: the same work took {noise:.1} times as long (limit {}); {advice}",
            machine::NOISE_LIMIT
        ));
    }
    Ok(())
}

fn create(path: &Path) -> Result<(&Path, File), String> {
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((path, file))
}

fn known_peers(names: &[String]) -> Result<(), String> {
    let known: BTreeSet<_> = benches::suites::peer_names().collect();
    let unknown = names.iter().find(|name| !known.contains(name.as_str()));
    unknown.map_or(Ok(()), |name| {
        let known: Vec<_> = known.iter().copied().collect();
        Err(format!("no peer `{name}`; there are: {}", known.join(", ")))
    })
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
