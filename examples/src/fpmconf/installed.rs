//! The php-fpm that is installed, and which release it is.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fpm_config::schema::PhpVersion;

/// A php-fpm of this machine.
#[derive(Debug)]
pub(super) struct Installed {
    program: PathBuf,
    php: PhpVersion,
}

impl Installed {
    /// The one of a version, whatever its release; of none in particular,
    /// `php-fpm` or else the newest.
    pub(super) fn find(wanted: Option<PhpVersion>) -> Option<Self> {
        let folders: Vec<PathBuf> = folders().collect();
        let plain = folders.iter().map(|folder| folder.join("php-fpm"));
        let plain = plain.filter_map(|path| Self::of(path, minor_of));
        match wanted {
            None => plain.into_iter().next().or_else(|| newest(&folders)),
            Some(wanted) => numbered(&folders)
                .chain(plain)
                .find(|found| is_of(found.php, wanted)),
        }
    }

    /// What is at `path`, if it is a program and `version` knows its version.
    fn of(path: PathBuf, version: impl FnOnce(&Path) -> Option<PhpVersion>) -> Option<Self> {
        let php = version(&path).filter(|_| path.is_file())?;
        Some(Self { program: path, php })
    }

    /// Its version; without release unless it had to be run to tell.
    pub(super) fn php(&self) -> PhpVersion {
        self.php
    }

    /// Its release in its own words, such as `8.2.36` or `8.1.2-1ubuntu2.14`.
    pub(super) fn release(&self) -> Option<String> {
        release_of(&self.program)
    }
}

/// The numbers of a release, without what a distribution added.
pub(super) fn numbers(release: &str) -> Option<PhpVersion> {
    let numbers = release.split(|c: char| !c.is_ascii_digit() && c != '.');
    numbers.into_iter().next()?.parse().ok()
}

fn is_of(php: PhpVersion, wanted: PhpVersion) -> bool {
    (php.major(), php.minor()) == (wanted.major(), wanted.minor())
}

/// Where programs are: `PATH`, and the folders of daemons, which the `PATH`
/// of a user often lacks.
fn folders() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own: Vec<PathBuf> = env::split_paths(&path).collect();
    let system = ["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from);
    own.into_iter().chain(system)
}

fn newest(folders: &[PathBuf]) -> Option<Installed> {
    numbered(folders).max_by_key(|found| found.php)
}

/// Debian's names, `php-fpm8.2`.
fn numbered(folders: &[PathBuf]) -> impl Iterator<Item = Installed> {
    let entries = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok());
    let paths = entries.flatten().flatten().map(|entry| entry.path());
    paths.filter_map(|path| Installed::of(path, |path| named(path.file_name()?)))
}

fn named(name: &OsStr) -> Option<PhpVersion> {
    name.to_str()?.strip_prefix("php-fpm")?.parse().ok()
}

/// The version of `php-fpm`: by the name of what it links to, or by asking.
fn minor_of(path: &Path) -> Option<PhpVersion> {
    let target = fs::canonicalize(path).ok()?;
    named(target.file_name()?).or_else(|| numbers(&release_of(path)?))
}

fn release_of(program: &Path) -> Option<String> {
    let output = Command::new(program)
        // Without php.ini: no extension is loaded for this.
        .args(["-n", "-v"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let release = said.strip_prefix("PHP ")?.split_whitespace().next()?;
    numbers(release).map(|_| release.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_goes_before_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["php-fpm8.2", "php-fpm8.10", "php-fpm", "php-fpm8.11.bak"];
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("php-fpm8.12")).unwrap();
        let folders = [PathBuf::from("/nonexistent"), folder.path().to_owned()];
        let found = newest(&folders).map(|found| found.php);
        assert_eq!(found, Some(PhpVersion::new(8, 10)));
    }

    #[test]
    fn numbers_of_a_release_leave_out_what_distributions_add() {
        for (release, version) in [
            ("8.2.36", "8.2.36"),
            ("8.1.2-1ubuntu2.14", "8.1.2"),
            ("8.5.0RC1", "8.5.0"),
            ("8.6.0-dev", "8.6.0"),
        ] {
            assert_eq!(numbers(release), version.parse().ok(), "{release}");
        }
        assert_eq!(numbers("dev"), None);
    }
}
