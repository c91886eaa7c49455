//! The php-fpm that is installed, under whichever name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tool::{folders, is_program};
use crate::{Version, tool, version};

/// An installed php-fpm. Debian names it by its minor version, so that there
/// may be several: `php-fpm` goes first, then the newest.
///
/// # Examples
///
/// ```
/// let fpm = peers::InstalledFpm::installed();
/// assert!(fpm.release().starts_with(&fpm.version().to_string()));
/// ```
#[derive(Debug, Clone)]
pub struct InstalledFpm {
    program: PathBuf,
    release: String,
    version: Version,
}

impl InstalledFpm {
    /// The one that is installed.
    ///
    /// # Panics
    ///
    /// When there is none; the message has the apt line.
    #[track_caller]
    #[must_use]
    pub fn installed() -> Self {
        Self::find().unwrap_or_else(|| Self::of(&tool("php-fpm", "php-fpm")))
    }

    /// [`installed`](Self::installed), or `None`.
    #[must_use]
    pub fn find() -> Option<Self> {
        find_program().map(|program| Self::of(&program))
    }

    #[track_caller]
    fn of(program: &Path) -> Self {
        let said = version::banner(program);
        let release = said
            .strip_prefix("PHP ")
            .and_then(|rest| rest.split(' ').next())
            .unwrap_or_else(|| panic!("{} is no PHP: {said}", program.display()))
            .to_owned();
        let version = release.parse();
        Self {
            version: version.unwrap_or_else(|_| panic!("a version of PHP: {release}")),
            program: program.to_owned(),
            release,
        }
    }

    /// The program's path.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its release in numbers.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its release in its own words, PHP's constant `PHP_VERSION`: `8.2.36`,
    /// or with what a distribution added, such as `8.1.2-1ubuntu2.14`.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Debian's folder with its `php.ini`, `php-fpm.conf` and `pool.d`.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        let (major, minor) = (self.version.major(), self.version.minor());
        PathBuf::from(format!("/etc/php/{major}.{minor}/fpm"))
    }
}

/// `php-fpm`, else the newest `php-fpmX.Y`.
fn find_program() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = folders().collect();
    let plain = folders.iter().map(|folder| folder.join("php-fpm"));
    if let Some(found) = plain.into_iter().find(|path| is_program(path)) {
        return Some(found);
    }
    let entries = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok());
    let numbered = entries.flatten().flatten().filter_map(|entry| {
        let name = entry.file_name();
        let version: Version = name.to_str()?.strip_prefix("php-fpm")?.parse().ok()?;
        is_program(&entry.path()).then(|| (version, entry.path()))
    });
    numbered
        .max_by_key(|(version, _)| *version)
        .map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::InstalledFpm;
    use crate::Version;

    #[test]
    fn installed_php_fpm_is_found_under_its_minor_version() {
        let fpm = InstalledFpm::installed();
        assert_eq!(fpm.version(), Version::of(fpm.program()));
        assert!(fpm.release().starts_with(&fpm.version().to_string()));
    }
}
