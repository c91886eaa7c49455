//! What a file name says: a script, the source of one, or neither.

/// Endings of files that hold PHP source.
const SOURCE: [&str; 12] = [
    "php", "php2", "php3", "php4", "php5", "php6", "php7", "php8", "phps", "phtml", "phar", "inc",
];

/// Whether a path names a script that is run.
pub(super) fn is_script(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.len() > 4 && bytes[bytes.len() - 4..].eq_ignore_ascii_case(b".php")
}

/// Whether a path may hold the source of a script, also under the names that
/// editors and people give to copies: `index.php~`, `index.php.bak`,
/// `db.inc`, `.index.php.swp`, `#index.php#`. Such a file is never sent.
pub(super) fn holds_source(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').skip(1).any(|part| {
        let letters = part
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(part.len());
        let part = &part[..letters];
        part == "pht"
            || SOURCE
                .iter()
                .any(|ending| part.eq_ignore_ascii_case(ending))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_end_in_php_in_any_case() {
        for script in ["/a.php", "/a.PHP", "/b/a.x.php"] {
            assert!(is_script(script) && holds_source(script), "{script}");
        }
        for other in ["/php", ".php", "/a.php5", "/a.php~", "/a.php.bak"] {
            assert!(!is_script(other), "{other}");
        }
    }

    #[test]
    fn copies_of_scripts_hold_source() {
        for copy in [
            "/a.php~",
            "/a.php.bak",
            "/a.phtml",
            "/a.phps",
            "/a.inc",
            "/a.PHP7",
            "/a.phar",
            "/#a.php#",
            "/a.inc.old",
            "/a.php_old",
            "/a.php-1",
            "/a.pht",
            "/a.php.swp",
        ] {
            assert!(holds_source(copy), "{copy}");
        }
        for other in [
            "/a.html",
            "/inc",
            "/include.css",
            "/a.phpx",
            "/d.php/a.txt",
            "/photo.jpg",
        ] {
            assert!(!holds_source(other), "{other}");
        }
    }
}
