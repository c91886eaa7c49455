//! Which php-fpm is meant, and this machine as it would see it.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fpm_config::schema::PhpVersion;
use fpm_config::world::{Environment, System, World, builtin_constant};
use fpm_config::{Options, StartedAs};

use super::Failure;
use super::installed::{self, Installed};

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
    /// Version of PHP, such as 8.2 or 8.2.36; that of the php-fpm that is
    /// installed if not given (`php-fpm`, else the newest `php-fpmX.Y`, else
    /// 8.2).
    ///
    /// Without a release, as in 8.2, the installed php-fpm of that version is
    /// asked for it where a value needs it (PHP_VERSION and the like); where
    /// there is none, it is the last release known to this program.
    #[arg(long, value_name = "VERSION")]
    php: Option<PhpVersion>,
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

/// This machine, as the php-fpm that is meant would see it.
#[derive(Debug)]
pub(super) struct Machine {
    options: Options,
    system: System,
    /// Who knows the release, where none was given.
    installed: Option<Installed>,
    /// What it said when it was asked.
    release: OnceCell<Option<String>>,
}

impl Machine {
    /// What a check assumes.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// The version of PHP.
    pub(super) fn php(&self) -> PhpVersion {
        self.options.php
    }

    /// The machine's files and accounts.
    pub(super) fn system(&self) -> &System {
        &self.system
    }

    pub(super) fn world(&self) -> World<'_> {
        World::new(&self.system, self, &self.system)
    }

    /// The release in php-fpm's own words. Starting it takes longer than most
    /// checks, so it is asked only when a value needs it.
    fn release(&self) -> Option<&str> {
        let ask = || self.installed.as_ref()?.release();
        self.release.get_or_init(ask).as_deref()
    }
}

impl Environment for Machine {
    fn variable(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.system.variable(name)
    }

    fn php_ini(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.system.php_ini(name)
    }

    fn constant(&self, name: &[u8], version: PhpVersion) -> Option<Vec<u8>> {
        let wanted = OF_RELEASE.contains(&name);
        let Some(release) = wanted.then(|| self.release()).flatten() else {
            return builtin_constant(name, version);
        };
        let php = installed::numbers(release).unwrap_or(version);
        match name {
            b"PHP_VERSION" => Some(release.into()),
            b"PHP_EXTRA_VERSION" => {
                let numbers = php.to_string();
                Some(release.strip_prefix(&numbers).unwrap_or_default().into())
            }
            _ => builtin_constant(name, php),
        }
    }
}

/// The constants that differ between releases.
const OF_RELEASE: [&[u8]; 4] = [
    b"PHP_VERSION",
    b"PHP_VERSION_ID",
    b"PHP_RELEASE_VERSION",
    b"PHP_EXTRA_VERSION",
];

impl MachineArgs {
    /// Looks at this machine with these options.
    pub(super) fn machine(&self) -> Result<Machine, Failure> {
        let is_exact = self.php.is_some_and(PhpVersion::has_release);
        let installed = (!is_exact).then(|| Installed::find(self.php)).flatten();
        let found = installed.as_ref().map(Installed::php);
        let php = self.php.or(found).unwrap_or_default();
        Ok(Machine {
            options: self.options(php),
            system: self.system(php)?,
            installed,
            release: OnceCell::new(),
        })
    }

    fn options(&self, php: PhpVersion) -> Options {
        let mut options = Options::default();
        options.php = php;
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

    fn system(&self, php: PhpVersion) -> Result<System, Failure> {
        let mut system = System::new().for_php(php);
        // What the fpm SAPI sets itself.
        system.set_php_ini("display_errors", "1");
        if !self.no_php_ini {
            for path in self.php_ini_files(php) {
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
    fn php_ini_files(&self, php: PhpVersion) -> Vec<PathBuf> {
        if !self.php_ini.is_empty() {
            return self.php_ini.clone();
        }
        let (major, minor) = (php.major(), php.minor());
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
