//! Variables, php.ini and PHP's constants.

use crate::schema::PhpVersion;

use super::constants;

/// What `${…}` and bare words in values may stand for.
pub trait Environment {
    /// The environment variable `name` of the php-fpm master.
    fn variable(&self, name: &[u8]) -> Option<Vec<u8>>;

    /// The value that php.ini (or `-d`) gives the directive `name`; it goes
    /// before the environment in `${name}`.
    fn php_ini(&self, name: &[u8]) -> Option<Vec<u8>>;

    /// The text of the PHP constant `name`. Given: the constants that every
    /// build of PHP has, [`builtin_constant`].
    fn constant(&self, name: &[u8], version: PhpVersion) -> Option<Vec<u8>> {
        builtin_constant(name, version)
    }
}

/// The text of a constant of PHP's core or of an extension that Debian links
/// in, as php-fpm on 64-bit Linux would write it; `None` if there is none of
/// that name (names are case-sensitive, but for `true`, `false` and `null`).
///
/// Those that tell the version of a library (`PCRE_VERSION`,
/// `OPENSSL_VERSION_TEXT`, ...) are of some Debian 12, whatever is installed.
///
/// # Examples
///
/// ```
/// use fpm_config::schema::PhpVersion;
/// use fpm_config::world::builtin_constant;
///
/// let all = builtin_constant(b"E_ALL", PhpVersion::new(8, 2));
/// assert_eq!(all.as_deref(), Some(&b"32767"[..]));
/// ```
#[must_use]
pub fn builtin_constant(name: &[u8], version: PhpVersion) -> Option<Vec<u8>> {
    if let Some(text) = of_version(name, version) {
        return Some(text.into_bytes());
    }
    if name.eq_ignore_ascii_case(b"true") {
        return Some(b"1".to_vec());
    }
    if name.eq_ignore_ascii_case(b"false") || name.eq_ignore_ascii_case(b"null") {
        return Some(Vec::new());
    }
    constants::find(name).map(<[u8]>::to_vec)
}

/// Constants whose value depends on the version.
fn of_version(name: &[u8], version: PhpVersion) -> Option<String> {
    let (major, minor, release) = (version.major(), version.minor(), version.release());
    let text = match name {
        b"PHP_VERSION" => format!("{major}.{minor}.{release}"),
        b"PHP_MAJOR_VERSION" => major.to_string(),
        b"PHP_MINOR_VERSION" => minor.to_string(),
        b"PHP_RELEASE_VERSION" => release.to_string(),
        b"PHP_VERSION_ID" => {
            let id = u32::from(major) * 10_000 + u32::from(minor) * 100 + u32::from(release);
            id.to_string()
        }
        b"PHP_BINARY" => format!("/usr/sbin/php-fpm{major}.{minor}"),
        b"PHP_DATADIR" => format!("/usr/share/php/{major}.{minor}"),
        b"PHP_CONFIG_FILE_PATH" => format!("/etc/php/{major}.{minor}/fpm"),
        b"PHP_CONFIG_FILE_SCAN_DIR" => format!("/etc/php/{major}.{minor}/fpm/conf.d"),
        b"PHP_EXTENSION_DIR" | b"PEAR_EXTENSION_DIR" => {
            format!("/usr/lib/php/{}", extension_api(version))
        }
        // The one value that does not fit on a line of the table.
        b"PHP_EOL" => "\n".to_owned(),
        // 8.4 took E_STRICT out of it.
        b"E_ALL" if version.at_least(8, 4) => "30719".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// The number of the interface that extensions are built for, by which their
/// folder is named. It is new with each minor version.
fn extension_api(version: PhpVersion) -> u32 {
    match (version.major(), version.minor()) {
        (..=6, _) | (7, ..=4) => 20_190_902,
        (7, _) | (8, 0) => 20_200_930,
        (8, 1) => 20_210_902,
        (8, 2) => 20_220_829,
        (8, 3) => 20_230_831,
        (8, 4) => 20_240_924,
        _ => 20_250_925,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(name: &str, version: &str, text: &str) {
        let version = version.parse().expect("a version");
        let found = builtin_constant(name.as_bytes(), version);
        assert_eq!(found.as_deref(), Some(text.as_bytes()), "{name}");
    }

    #[test]
    fn constants_of_a_version_are_that_versions() {
        is("PHP_VERSION", "8.2.99", "8.2.99");
        is("PHP_VERSION_ID", "8.4.7", "80407");
        is("PHP_CONFIG_FILE_PATH", "8.4", "/etc/php/8.4/fpm");
        is("PHP_DATADIR", "8.2", "/usr/share/php/8.2");
        is("PHP_EXTENSION_DIR", "7.4", "/usr/lib/php/20190902");
        is("PEAR_EXTENSION_DIR", "8.4.7", "/usr/lib/php/20240924");
        is("E_ALL", "8.3", "32767");
        is("E_ALL", "8.4", "30719");
    }
}
