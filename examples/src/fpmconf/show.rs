//! `fpmconf show`.

use std::path::PathBuf;

use clap::ValueEnum;
use fpm_config::diagnostic::{Severity, render};
use fpm_config::edit::written_value;
use fpm_config::model::ValueSource;
use fpm_config::schema::Scope;
use fpm_config::{Config, EffectiveSection, EffectiveValue};

use super::machine::{Machine, MachineArgs};
use super::{Failure, Outcome, print};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A configuration with the sources as comments.
    Ini,
    /// One JSON object.
    Json,
}

/// Prints every value that is in effect, and where it comes from.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The main configuration file.
    file: PathBuf,
    #[command(flatten)]
    machine: MachineArgs,
    /// This pool alone; `global` for the master's settings.
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value = "ini")]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let machine = args.machine.machine()?;
    let config = Config::load(&args.file, machine.options(), &machine.world());
    if !config.opened() {
        return Err(Failure(format!("{} cannot be read", args.file.display())));
    }
    let mut sections = config.effective();
    if let Some(wanted) = &args.pool {
        sections.retain(|section| section.name.eq_ignore_ascii_case(wanted.as_bytes()));
        if sections.is_empty() {
            return Err(Failure(format!("there is no pool `{wanted}`")));
        }
    }
    match args.format {
        Format::Ini => ini(&config, &sections, &machine),
        Format::Json => json(&config, &sections)?,
    }
    let errors = config.diagnostics().iter();
    let errors: Vec<_> = errors
        .filter(|found| found.severity == Severity::Error)
        .collect();
    for error in &errors {
        eprintln!("{}\n", render(error, config.sources()));
    }
    Ok(if errors.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

fn ini(config: &Config, sections: &[EffectiveSection], machine: &Machine) {
    let mut out = Vec::new();
    for section in sections {
        out.extend([b"[", section.name.as_slice(), b"]\n"].concat());
        for value in &section.values {
            out.extend(ini_line(config, value, machine));
        }
        out.push(b'\n');
    }
    print(&out);
}

fn ini_line(config: &Config, value: &EffectiveValue, machine: &Machine) -> Vec<u8> {
    let name = name(value);
    let source = source(config, value);
    let Some(text) = &value.text else {
        return [b";", name.as_slice(), b" is not set\n"].concat();
    };
    // Numbers, times and keywords stand as they are.
    let is_plain = text.iter().all(u8::is_ascii_alphanumeric);
    let written = if is_plain {
        text.clone()
    } else {
        let written = written_value(text, machine, machine.php());
        written.unwrap_or_else(|_| text.clone())
    };
    [
        &name,
        b" = ".as_slice(),
        &written,
        b" ; ",
        source.as_bytes(),
        b"\n",
    ]
    .concat()
}

fn name(value: &EffectiveValue) -> Vec<u8> {
    let name = value.directive.name.as_bytes();
    match &value.key {
        Some(key) if value.directive.name == "access.suppress_path" && key.is_empty() => {
            [name, b"[]"].concat()
        }
        Some(key) => [name, b"[", key, b"]"].concat(),
        None => name.to_vec(),
    }
}

fn source(config: &Config, value: &EffectiveValue) -> String {
    match value.source {
        ValueSource::File(span) => {
            let path = config.sources().file(span.file).path().display();
            format!("{path}:{}", config.sources().position(span).line)
        }
        ValueSource::Default => "default".to_owned(),
        _ => "worked out".to_owned(),
    }
}

#[derive(serde::Serialize)]
struct JsonConfig {
    sections: Vec<JsonSection>,
}

#[derive(serde::Serialize)]
struct JsonSection {
    name: String,
    /// `global` or `pool`.
    kind: &'static str,
    values: Vec<JsonValue>,
}

#[derive(serde::Serialize)]
struct JsonValue {
    name: &'static str,
    /// The key of an array's entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The value as php-fpm's dump has it; null if it is not set.
    value: Option<String>,
    source: JsonSource,
}

#[derive(serde::Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum JsonSource {
    File {
        file: String,
        line: usize,
        column: usize,
    },
    Default,
    Derived,
}

fn json(config: &Config, sections: &[EffectiveSection]) -> Result<(), Failure> {
    let lossy = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let sections = sections.iter().map(|section| JsonSection {
        name: lossy(&section.name),
        kind: match section.scope {
            Scope::Global => "global",
            _ => "pool",
        },
        values: (section.values.iter())
            .map(|value| JsonValue {
                name: value.directive.name,
                key: value.key.as_ref().map(lossy),
                value: value.text.as_ref().map(lossy),
                source: json_source(config, value.source),
            })
            .collect(),
    });
    let shown = JsonConfig {
        sections: sections.collect(),
    };
    let mut out = serde_json::to_vec_pretty(&shown)?;
    out.push(b'\n');
    print(&out);
    Ok(())
}

fn json_source(config: &Config, source: ValueSource) -> JsonSource {
    match source {
        ValueSource::File(span) => {
            let position = config.sources().position(span);
            let path = config.sources().file(span.file).path();
            JsonSource::File {
                file: path.to_string_lossy().into_owned(),
                line: position.line,
                column: position.column,
            }
        }
        ValueSource::Default => JsonSource::Default,
        _ => JsonSource::Derived,
    }
}
