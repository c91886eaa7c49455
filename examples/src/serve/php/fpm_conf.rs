//! A pool of a php-fpm configuration.

use std::fmt::Write;
use std::path::Path;

use fpm_config::diagnostic::Severity;
use fpm_config::model;
use fpm_config::world::{System, World};
use fpm_config::{Config, Options, StartedAs};

use crate::serve::failure::Failure;

/// Reads `file` and returns its pool `name`, or its first one.
///
/// # Errors
///
/// When php-fpm would refuse the file, or there is no such pool.
pub(super) fn read(file: &Path, name: Option<&str>) -> Result<model::Pool, Failure> {
    let mut options = Options::default();
    options.started_as = match is_root() {
        true => StartedAs::RootAllowed,
        false => StartedAs::User,
    };
    let config = Config::load(file, &options, &World::of(&System::new()));
    if !config.opened() {
        let text = format!("the configuration file {} cannot be read", file.display());
        return Err(Failure::Config(text));
    }
    if !config.would_start() {
        return Err(Failure::Config(findings(file, &config)));
    }
    let pool = match name {
        Some(name) => config.pool(name),
        None => config.pools().first(),
    };
    pool.cloned().ok_or_else(|| {
        let wanted = name.map_or_else(String::new, |name| format!(" [{name}]"));
        Failure::Config(format!("{} has no pool{wanted}", file.display()))
    })
}

fn findings(file: &Path, config: &Config) -> String {
    let mut text = format!("the configuration file {} cannot be used", file.display());
    let errors = config
        .diagnostics()
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    for finding in errors {
        let source = config.sources().file(finding.span.file).path().display();
        let line = config.sources().position(finding.span).line;
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {source}:{line}: {}", finding.message);
    }
    text
}

/// Who the workers run as, if not who we do.
///
/// # Errors
///
/// When they are locked into a folder without our socket.
pub(super) fn worker_user(pool: &model::Pool) -> Result<Option<String>, Failure> {
    if !is_root() {
        return Ok(None);
    }
    if pool.chroot.is_some() {
        let text = "--sessions cannot be used with chroot: the workers do not reach our socket";
        return Err(Failure::Config(text.to_owned()));
    }
    Ok(pool.user.as_ref().map(ToString::to_string))
}

/// php-fpm changes user, root and priority for root alone.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
