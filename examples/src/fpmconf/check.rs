//! `fpmconf check`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::ValueEnum;
use fpm_config::Config;
use fpm_config::diagnostic::{Code, JsonDiagnostic, LintLevel, LintLevels, Severity, render};
use fpm_config::edit::fixed_files;
use fpm_config::schema::PhpVersion;

use super::machine::MachineArgs;
use super::{Failure, Outcome, print, time, units, write};

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines they are about.
    Text,
    /// One JSON object.
    Json,
    /// What `php-fpm -tt` prints: its messages, or the values.
    PhpFpm,
}

/// Finds what php-fpm refuses, and what it should refuse.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The main configuration file.
    file: PathBuf,
    #[command(flatten)]
    machine: MachineArgs,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Findings of this code fail; `all` for every warning.
    #[arg(long, value_name = "LINT")]
    deny: Vec<String>,
    /// Findings of this code are left out; `all` for all but errors.
    #[arg(long, value_name = "LINT")]
    allow: Vec<String>,
    /// Applies what a machine may fix, then checks again.
    #[arg(long)]
    fix: bool,
    /// Memory of the machine, such as 8G, for the lint memory-overcommit.
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    memory: Option<u64>,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let machine = args.machine.machine()?;
    let mut options = machine.options().clone();
    options.machine_memory_bytes = args.memory;
    options.lints = levels(args)?;
    let world = machine.world();
    let mut config = Config::load(&args.file, &options, &world);
    if args.fix && apply_fixes(&config)? {
        config = Config::load(&args.file, &options, &world);
    }
    match args.format {
        Format::Text => text(&config),
        Format::Json => json(&config, machine.php(), args)?,
        Format::PhpFpm => php_fpm(&config),
    }
    if !config.opened() {
        return Err(Failure(format!("{} cannot be read", args.file.display())));
    }
    let denied = config.diagnostics().iter().any(|found| found.denied);
    let fails = match args.format {
        // What only a real start refuses is not php-fpm -tt's business.
        Format::PhpFpm => !config.accepted(),
        Format::Text | Format::Json => !config.would_start(),
    };
    Ok(if fails || denied {
        Outcome::Findings
    } else {
        Outcome::Clean
    })
}

fn levels(args: &Args) -> Result<LintLevels, Failure> {
    let mut levels = LintLevels::default();
    let chosen = [
        (&args.allow, LintLevel::Allow),
        (&args.deny, LintLevel::Deny),
    ];
    for (names, level) in chosen {
        for name in names.iter().flat_map(|names| names.split(',')) {
            if name == "all" || name == "warnings" {
                levels.set_others(level);
                continue;
            }
            let unknown = |_| Failure(format!("there is no lint `{name}`; see `explain all`"));
            levels.set(name.parse::<Code>().map_err(unknown)?, level);
        }
    }
    Ok(levels)
}

/// Whether any file changed.
fn apply_fixes(config: &Config) -> Result<bool, Failure> {
    let files = fixed_files(config);
    for (path, bytes) in &files {
        let written = write::replace(path, bytes);
        written.map_err(|why| Failure(format!("{}: {why}", path.display())))?;
        eprintln!("fixed {}", path.display());
    }
    Ok(!files.is_empty())
}

fn text(config: &Config) {
    let mut out = String::new();
    for finding in config.diagnostics() {
        out.push_str(&render(finding, config.sources()));
        out.push_str("\n\n");
    }
    let count = |severity| {
        let all = config.diagnostics().iter();
        all.filter(|found| found.severity == severity).count()
    };
    out.push_str(&format!(
        "{} errors, {} warnings, {} notes in {} files\n",
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Note),
        config.sources().iter().count()
    ));
    print(out.as_bytes());
}

#[derive(serde::Serialize)]
struct JsonReport<'a> {
    file: String,
    php: String,
    /// Whether `php-fpm -t` succeeds.
    accepted: bool,
    /// Whether php-fpm would start.
    would_start: bool,
    diagnostics: &'a [JsonDiagnostic],
}

fn json(config: &Config, php: PhpVersion, args: &Args) -> Result<(), Failure> {
    let findings = config.diagnostics().iter();
    let findings: Vec<_> = findings
        .map(|finding| JsonDiagnostic::new(finding, config.sources()))
        .collect();
    let report = JsonReport {
        file: args.file.to_string_lossy().into_owned(),
        php: php.to_string(),
        accepted: config.accepted(),
        would_start: config.would_start(),
        diagnostics: &findings,
    };
    let mut out = serde_json::to_vec_pretty(&report)?;
    out.push(b'\n');
    print(&out);
    Ok(())
}

fn php_fpm(config: &Config) {
    let stamp = time::stamp(SystemTime::now());
    let mut out = Vec::new();
    for line in config.log() {
        out.extend(line.render(&stamp));
        out.push(b'\n');
    }
    print(&out);
}
