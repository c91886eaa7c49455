//! `fpmconf set`.

use std::path::{Path, PathBuf};

use fpm_config::Config;
use fpm_config::diagnostic::{Severity, render};
use fpm_config::edit::{EditError, Editor, NewValue, Target};
use fpm_config::model::ValueSource;
use fpm_config::schema::{Directive, Scope, directive, nearest};
use fpm_config::source::FileId;
use fpm_config::world::{Entry, FileError, Files, Metadata, System, World};

use super::machine::{Machine, MachineArgs};
use super::{Failure, Outcome, write};

/// Sets a directive in its file; everything else stays as it is.
///
/// The file is replaced in one step, and only if the configuration has no
/// more errors than before.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The main configuration file; the pool may stand in an included one.
    file: PathBuf,
    /// The pool, or `global`.
    pool: String,
    /// The directive, `name` or `name[key]`.
    directive: String,
    /// The value; it is quoted if need be.
    #[arg(allow_hyphen_values = true)]
    value: String,
    #[command(flatten)]
    machine: MachineArgs,
    /// Writes even what php-fpm would refuse.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let machine = args.machine.machine()?;
    let config = Config::load(&args.file, machine.options(), &machine.world());
    if !config.opened() {
        return Err(Failure(format!("{} cannot be read", args.file.display())));
    }
    let target = Target::parse(&args.directive);
    let known = known(&args.pool, target)?;
    let file = file_of(&config, &args.pool, target)?;
    let source = config.sources().file(file);
    let mut editor = Editor::new(source.bytes(), &machine).for_php(machine.php());
    if let Some(start) = config.starts_in(file) {
        editor = editor.starting_in(&start.to_string());
    }
    let value = NewValue::for_directive(known, &args.value);
    editor
        .set(&args.pool, target, &value)
        .map_err(|why| explain(why, &args.pool))?;
    let changed = editor.into_text();
    if !args.force && refuses(&config, source.path(), &changed, args, &machine) {
        return Ok(Outcome::Findings);
    }
    let written = write::replace(source.path(), &changed);
    written.map_err(|why| Failure(format!("{}: {why}", source.path().display())))?;
    Ok(Outcome::Clean)
}

fn explain(why: EditError, pool: &str) -> Failure {
    Failure(format!("{why} (section `{pool}`)"))
}

fn known(pool: &str, target: Target<'_>) -> Result<&'static Directive, Failure> {
    let scope = if pool.eq_ignore_ascii_case("global") {
        Scope::Global
    } else {
        Scope::Pool
    };
    let Some(known) = directive(target.name, scope) else {
        let near = nearest(target.name, scope);
        let hint = near.map(|near| format!("; did you mean `{}`?", near.name));
        let hint = hint.unwrap_or_default();
        return Err(Failure(format!(
            "there is no directive `{}`{hint}",
            target.name
        )));
    };
    if known.is_array() != target.key.is_some() {
        let form = if known.is_array() {
            "name[key]"
        } else {
            "name"
        };
        return Err(Failure(format!("`{}` is written `{form}`", known.name)));
    }
    Ok(known)
}

/// The file to change: where the value stands, else where the pool begins.
fn file_of(config: &Config, pool: &str, target: Target<'_>) -> Result<FileId, Failure> {
    let (main, _) = config.sources().iter().next().ok_or("nothing was read")?;
    let sections = config.effective();
    let section = sections
        .iter()
        .find(|section| section.name.eq_ignore_ascii_case(pool.as_bytes()))
        .ok_or_else(|| Failure(format!("there is no pool `{pool}`")))?;
    let mut standing = section
        .values
        .iter()
        .filter_map(|value| match value.source {
            ValueSource::File(span)
                if value.directive.name.eq_ignore_ascii_case(target.name)
                    && value.key.as_deref() == target.key.map(str::as_bytes) =>
            {
                Some(span.file)
            }
            _ => None,
        });
    // Arrays list their entries last first, and the first counts.
    Ok(standing
        .next_back()
        .unwrap_or_else(|| match config.pool(pool) {
            Some(pool) => pool.header.file,
            None => main,
        }))
}

/// Whether the new text brings errors that were not there; they are shown.
fn refuses(before: &Config, path: &Path, bytes: &[u8], args: &Args, machine: &Machine) -> bool {
    let overlay = Overlay {
        system: machine.system(),
        path,
        bytes,
    };
    let world = World::new(&overlay, machine, machine.system());
    let after = Config::load(&args.file, machine.options(), &world);
    let errors = |config: &Config| {
        let all = config.diagnostics().iter();
        all.filter(|found| found.severity == Severity::Error)
            .count()
    };
    if errors(&after) <= errors(before) {
        return false;
    }
    let known: Vec<_> = before
        .diagnostics()
        .iter()
        .map(|found| (&found.code, &found.message))
        .collect();
    for error in after.diagnostics() {
        if error.severity == Severity::Error && !known.contains(&(&error.code, &error.message)) {
            eprintln!("{}\n", render(error, after.sources()));
        }
    }
    eprintln!("fpmconf: nothing was changed; --force writes it all the same");
    true
}

/// The machine's files with one of them changed.
struct Overlay<'a> {
    system: &'a System,
    path: &'a Path,
    bytes: &'a [u8],
}

impl Files for Overlay<'_> {
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
        if path == self.path {
            return Ok(self.bytes[..self.bytes.len().min(limit)].to_vec());
        }
        self.system.read(path, limit)
    }

    fn list(&self, folder: &Path) -> Result<Vec<Entry>, FileError> {
        self.system.list(folder)
    }

    fn metadata(&self, path: &Path) -> Result<Metadata, FileError> {
        self.system.metadata(path)
    }

    fn exists(&self, path: &Path) -> bool {
        self.system.exists(path)
    }

    fn can_append(&self, path: &Path) -> Result<(), FileError> {
        self.system.can_append(path)
    }
}
