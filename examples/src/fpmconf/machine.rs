//! Which php-fpm is meant, and this machine as it would see it.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fpm_config::schema::PhpVersion;
use fpm_config::world::System;
use fpm_config::{Options, StartedAs};

use super::Failure;

/// Who starts php-fpm.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RunAs {
    /// Root; pools need a user.
    Root,
    /// Root with php-fpm's -R.
    RootAllowed,
    /// Any other user.
    User,
}

/// Options that say which php-fpm is meant.
#[derive(Debug, clap::Args)]
pub(super) struct MachineArgs {
    /// Version of PHP, such as 8.2 or 8.2.35.
    #[arg(long, value_name = "VERSION", default_value = "8.2")]
    php: PhpVersion,
    /// Who starts php-fpm; the current user if not given.
    #[arg(long, value_name = "WHO")]
    run_as: Option<RunAs>,
    /// php-fpm's -p: where relative paths start.
    #[arg(long, short = 'p', value_name = "DIR")]
    prefix: Option<String>,
    /// php.ini for `${name}`, instead of /etc/php/VERSION/fpm with its conf.d.
    #[arg(long, value_name = "FILE")]
    php_ini: Vec<PathBuf>,
    /// php-fpm's -n: no php.ini.
    #[arg(long, short = 'n', conflicts_with = "php_ini")]
    no_php_ini: bool,
    /// php-fpm's -d: a value of php.ini.
    #[arg(long, short = 'd', value_name = "NAME=VALUE")]
    define: Vec<String>,
}

impl MachineArgs {
    pub(super) fn php(&self) -> PhpVersion {
        self.php
    }

    pub(super) fn options(&self) -> Options {
        let mut options = Options::default();
        options.php = self.php;
        options.prefix = self.prefix.as_ref().map(|prefix| prefix.clone().into());
        options.started_as = match self.run_as {
            Some(RunAs::Root) => StartedAs::Root,
            Some(RunAs::RootAllowed) => StartedAs::RootAllowed,
            Some(RunAs::User) => StartedAs::User,
            None if nix::unistd::geteuid().is_root() => StartedAs::Root,
            None => StartedAs::User,
        };
        options
    }

    pub(super) fn system(&self) -> Result<System, Failure> {
        let mut system = System::new();
        // What the fpm SAPI sets itself.
        system.set_php_ini("display_errors", "1");
        if !self.no_php_ini {
            for path in self.php_ini_files() {
                let read = system.read_php_ini(&path);
                read.map_err(|why| Failure(format!("{}: {why}", path.display())))?;
            }
        }
        for definition in &self.define {
            let (name, value) = definition.split_once('=').unwrap_or((definition, "1"));
            system.set_php_ini(name, value);
        }
        Ok(system)
    }

    /// Those given, else what Debian's php-fpm of the version reads.
    fn php_ini_files(&self) -> Vec<PathBuf> {
        if !self.php_ini.is_empty() {
            return self.php_ini.clone();
        }
        let (major, minor) = (self.php.major(), self.php.minor());
        let folder = PathBuf::from(format!("/etc/php/{major}.{minor}/fpm"));
        let main = folder.join("php.ini");
        let mut files: Vec<PathBuf> = Some(main)
            .filter(|path| path.is_file())
            .into_iter()
            .collect();
        files.extend(ini_files(&folder.join("conf.d")));
        files
    }
}

fn ini_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "ini") && path.is_file())
        .collect();
    files.sort();
    files
}
