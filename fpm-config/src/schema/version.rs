//! Versions of PHP.

use std::fmt;
use std::str::FromStr;

/// A version of PHP, `8.2` or `8.2.36`.
///
/// What is checked depends on `8.2` alone. The release shows in constants
/// such as `PHP_VERSION`; who knows which php-fpm is installed says it with
/// [`with_release`](Self::with_release).
///
/// # Examples
///
/// ```
/// use fpm_config::schema::PhpVersion;
///
/// let version: PhpVersion = "8.2".parse()?;
/// assert!(version < PhpVersion::new(8, 3) && !version.has_release());
/// assert_eq!(version.with_release(36), "8.2.36".parse()?);
/// assert!("8".parse::<PhpVersion>().is_err());
/// # Ok::<(), fpm_config::schema::InvalidVersion>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhpVersion {
    major: u8,
    minor: u8,
    release: Option<u8>,
}

impl PhpVersion {
    /// `major.minor`, of no certain release.
    #[must_use]
    pub const fn new(major: u8, minor: u8) -> Self {
        Self {
            major,
            minor,
            release: None,
        }
    }

    /// The same version, of a certain release.
    #[must_use]
    pub const fn with_release(self, release: u8) -> Self {
        Self {
            release: Some(release),
            ..self
        }
    }

    /// Whether a release was given.
    #[must_use]
    pub const fn has_release(self) -> bool {
        self.release.is_some()
    }

    /// The 8 of `8.2.36`.
    #[must_use]
    pub const fn major(self) -> u8 {
        self.major
    }

    /// The 2 of `8.2.36`.
    #[must_use]
    pub const fn minor(self) -> u8 {
        self.minor
    }

    /// The 36 of `8.2.36`; without one, the last release that this crate
    /// knows of, which is a guess: later ones follow each month.
    #[must_use]
    pub const fn release(self) -> u8 {
        match (self.release, self.major, self.minor) {
            (Some(release), _, _) => release,
            (None, 7, 4) => 33,
            (None, 8, 0) => 30,
            (None, 8, 1) => 34,
            (None, 8, 2) => 36,
            (None, 8, 3) => 29,
            (None, 8, 4) => 16,
            (None, 8, 5) => 1,
            (None, _, _) => 0,
        }
    }

    /// Whether this is `major.minor` or later, whatever the release.
    #[must_use]
    pub const fn at_least(self, major: u8, minor: u8) -> bool {
        self.major > major || (self.major == major && self.minor >= minor)
    }
}

impl Default for PhpVersion {
    /// 8.2, Debian 12's.
    fn default() -> Self {
        Self::new(8, 2)
    }
}

impl fmt::Display for PhpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        match self.release {
            Some(release) => write!(f, ".{release}"),
            None => Ok(()),
        }
    }
}

/// Not a version: neither `8.2` nor `8.2.36`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a PHP version such as 8.2")]
#[non_exhaustive]
pub struct InvalidVersion;

impl FromStr for PhpVersion {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let mut numbers = text.split('.').map(|part| part.parse::<u8>().ok());
        let mut next = || numbers.next().unwrap_or(None);
        let (Some(major), Some(minor)) = (next(), next()) else {
            return Err(InvalidVersion);
        };
        let release = next();
        let dots = text.bytes().filter(|&byte| byte == b'.').count();
        if dots > 2 || (dots == 2) != release.is_some() {
            return Err(InvalidVersion);
        }
        Ok(Self {
            major,
            minor,
            release,
        })
    }
}
