//! Which release of a program is installed.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use crate::tool;

/// The release of a program, such as `8.2.36`; ordered.
///
/// Security releases of distributions change behaviour, so a test that rests
/// on a behaviour which differs between releases asks which one is installed.
/// One that holds for all of them needs no version.
///
/// # Examples
///
/// ```
/// use peers::Version;
///
/// let php: Version = "PHP 8.2.36 (cgi-fcgi) (built: Nov 18 2026)".parse()?;
/// assert_eq!(php, Version::new(8, 2, 36));
/// assert!(php >= Version::new(8, 2, 0) && php.minor() == 2);
/// assert!("no number here".parse::<Version>().is_err());
/// # Ok::<(), peers::NoVersion>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// `major.minor.patch`; what a program leaves out is 0.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// The 8 of `8.2.36`.
    #[must_use]
    pub const fn major(self) -> u32 {
        self.major
    }

    /// The 2 of `8.2.36`.
    #[must_use]
    pub const fn minor(self) -> u32 {
        self.minor
    }

    /// The 36 of `8.2.36`.
    #[must_use]
    pub const fn patch(self) -> u32 {
        self.patch
    }

    /// What `program` says of itself: php-cgi, php-fpm, php, nginx, apache2,
    /// lighttpd, caddy, h2o, haproxy, redis-server, memcached, mariadbd,
    /// postgres, and every other that knows `--version`.
    ///
    /// # Panics
    ///
    /// When it does not start or names no version; the message has what it
    /// said.
    #[track_caller]
    #[must_use]
    pub fn of(program: &Path) -> Self {
        let said = banner(program);
        said.parse()
            .unwrap_or_else(|_| panic!("{} names no version: {said}", program.display()))
    }

    /// The release of an extension of the `php` of the command line, such as
    /// `redis`.
    ///
    /// # Panics
    ///
    /// When php or the extension is not installed; the message has the apt
    /// line.
    #[track_caller]
    #[must_use]
    pub fn of_extension(name: &str) -> Self {
        let package = format!("php-{name}");
        let output = Command::new(tool("php", "php-cli"))
            .args(["-r", "echo phpversion($argv[1]);", "--", name])
            .output()
            .expect("php starts");
        let said = String::from_utf8_lossy(&output.stdout);
        said.parse().unwrap_or_else(|_| {
            panic!(
                "PHP's extension `{name}` is not installed; \
                 run: apt-get install --no-install-recommends {package}"
            )
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A text without a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoVersion;

impl fmt::Display for NoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no version such as 8.2.36")
    }
}

impl std::error::Error for NoVersion {}

impl FromStr for Version {
    type Err = NoVersion;

    /// The first number with a dot in what a program prints about itself.
    fn from_str(text: &str) -> Result<Self, NoVersion> {
        text.split(|c: char| !c.is_ascii_digit() && c != '.')
            .find_map(numbers)
            .ok_or(NoVersion)
    }
}

/// `2.6` or `2.6.12`, perhaps with more behind another dot.
fn numbers(word: &str) -> Option<Version> {
    let mut parts = word.split('.').map(str::parse);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
        return None;
    };
    let patch = parts.next().and_then(Result::ok).unwrap_or(0);
    Some(Version::new(major, minor, patch))
}

/// What a program prints when it is asked for its version, on either stream.
#[track_caller]
pub(crate) fn banner(program: &Path) -> String {
    let output = Command::new(program)
        .args(question(program))
        .output()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// How to ask `program`, by its name.
fn question(program: &Path) -> &'static [&'static str] {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let by_name: [(&str, &[&str]); 6] = [
        // Without php.ini: an extension that does not load would speak first.
        ("php", &["-n", "-v"]),
        ("nginx", &["-v"]),
        ("apache2", &["-v"]),
        ("lighttpd", &["-v"]),
        ("haproxy", &["-v"]),
        ("caddy", &["version"]),
    ];
    by_name
        .into_iter()
        .find(|(start, _)| name.starts_with(start))
        .map_or(&["--version"], |(_, question)| question)
}

#[cfg(test)]
mod tests {
    use super::Version;
    use crate::tool;

    #[test]
    fn versions_are_read_from_what_programs_say() {
        for (said, version) in [
            ("Server version: Apache/2.4.71 (Debian)", [2, 4, 71]),
            ("nginx version: nginx/1.22.1", [1, 22, 1]),
            ("Redis server v=7.0.15 sha=00000000:0", [7, 0, 15]),
            ("mariadbd  Ver 10.11.19-MariaDB-0+deb12u1", [10, 11, 19]),
            ("HAProxy version 2.6.12-1+deb12u4 2026/10/17", [2, 6, 12]),
            ("lighttpd/1.4.69 (ssl) - a light web server", [1, 4, 69]),
            ("postgres (PostgreSQL) 15.13 (Debian 15.13-0)", [15, 13, 0]),
            ("v2.8.4 h1:q3pe0wpBj1OcHFZ3n", [2, 8, 4]),
            ("PHP 8.5.0RC1 (fpm-fcgi)", [8, 5, 0]),
        ] {
            let [major, minor, patch] = version;
            assert_eq!(said.parse(), Ok(Version::new(major, minor, patch)));
        }
    }

    #[test]
    fn every_peer_names_its_version() {
        for (name, package) in [
            ("php-cgi", "php-cgi"),
            ("php", "php-cli"),
            ("nginx", "nginx-light"),
            ("apache2", "apache2"),
            ("lighttpd", "lighttpd"),
            ("caddy", "caddy"),
            ("h2o", "h2o"),
            ("haproxy", "haproxy"),
            ("redis-server", "redis-server"),
            ("memcached", "memcached"),
            ("mariadbd", "mariadb-server"),
            ("psql", "postgresql"),
        ] {
            let version = Version::of(&tool(name, package));
            assert!(version > Version::new(0, 0, 0), "{name} {version}");
        }
        assert!(Version::of_extension("redis") > Version::new(0, 0, 0));
    }
}
