//! From the path of a request target to a path below a document root.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Why a request path names nothing here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BadPath {
    /// It climbs out of the root, or is not a path at all.
    Malformed,
    /// A NUL or another control character after decoding.
    Control,
}

/// A request path, decoded, with its dot segments resolved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct CleanPath<'a> {
    /// Starts with `/`; has no `.`, `..` or empty segments, and no control
    /// characters.
    pub(super) text: Cow<'a, str>,
    /// It held an encoded slash or a backslash, so it may name no file: what
    /// looks like one segment to a proxy must not be two here.
    pub(super) ambiguous: bool,
}

impl<'a> CleanPath<'a> {
    /// Decodes and resolves the path part of a request target.
    ///
    /// # Errors
    ///
    /// [`BadPath::Malformed`] (answer 400) for a path that does not start
    /// with `/`, climbs above the root, or is not UTF-8 once decoded;
    /// [`BadPath::Control`] (answer 404) for control characters.
    pub(super) fn parse(raw: &'a str) -> Result<Self, BadPath> {
        if !raw.starts_with('/') {
            return Err(BadPath::Malformed);
        }
        let decoded = percent_decode_str(raw)
            .decode_utf8()
            .map_err(|_| BadPath::Malformed)?;
        if decoded.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(BadPath::Control);
        }
        let encoded_slash = matches!(decoded, Cow::Owned(_)) && has_encoded_slash(raw);
        let ambiguous = encoded_slash || decoded.contains('\\');
        // A backslash counts as a separator here, so that no `..\` gets by.
        if ambiguous && climbs(&decoded.replace('\\', "/")) {
            return Err(BadPath::Malformed);
        }
        let text = match needs_resolving(&decoded) {
            false => decoded,
            true => Cow::Owned(resolve(&decoded).ok_or(BadPath::Malformed)?),
        };
        Ok(Self { text, ambiguous })
    }
}

/// Whether a segment of `path` is hidden: it starts with a dot and is not
/// `/.well-known` at the top (RFC 8615).
pub(super) fn is_hidden(path: &str) -> bool {
    path.match_indices("/.").any(|(at, _)| {
        let well_known = at == 0
            && path
                .strip_prefix("/.well-known")
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        !well_known
    })
}

fn has_encoded_slash(raw: &str) -> bool {
    raw.as_bytes()
        .windows(3)
        .any(|part| part[0] == b'%' && part[1] == b'2' && part[2].eq_ignore_ascii_case(&b'f'))
}

fn needs_resolving(path: &str) -> bool {
    path.contains("//") || path.contains("/.") && path.split('/').any(|s| s == "." || s == "..")
}

fn climbs(path: &str) -> bool {
    resolve(path).is_none()
}

/// Removes empty and dot segments (RFC 3986, section 5.2.4); `None` when the
/// path climbs above the root. A trailing slash stays.
fn resolve(path: &str) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop()?;
            }
            name => kept.push(name),
        }
    }
    let folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let mut clean = String::with_capacity(path.len());
    for segment in &kept {
        clean.push('/');
        clean.push_str(segment);
    }
    if folder || clean.is_empty() {
        clean.push('/');
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(raw: &str) -> Result<String, BadPath> {
        CleanPath::parse(raw).map(|path| path.text.into_owned())
    }

    #[test]
    fn plain_paths_are_not_copied() {
        let path = CleanPath::parse("/a/b.php/c").unwrap();
        assert!(matches!(path.text, Cow::Borrowed("/a/b.php/c")));
        assert!(!path.ambiguous);
    }

    #[test]
    fn dot_segments_are_resolved_inside_the_root() {
        for (raw, expected) in [
            ("/", "/"),
            ("//a///b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/a/b/.", "/a/b/"),
            ("/a%20b/%2e/c", "/a b/c"),
            ("/..a/b..", "/..a/b.."),
            ("/%E4%BD%A0", "/你"),
        ] {
            assert_eq!(clean(raw).as_deref(), Ok(expected), "{raw}");
        }
    }

    #[test]
    fn escapes_are_refused() {
        for raw in [
            "/..",
            "/../etc/passwd",
            "/a/../../etc/passwd",
            "/%2e%2e/etc/passwd",
            "/.%2e/etc/passwd",
            "/..%2fetc/passwd",
            "/a/..%2f..%2fetc",
            "/..\\etc",
            "/a/..%5c..%5cetc",
            "etc/passwd",
            "*",
            "/%ff",
        ] {
            assert_eq!(clean(raw), Err(BadPath::Malformed), "{raw}");
        }
    }

    #[test]
    fn control_characters_name_nothing() {
        for raw in ["/x.php%00.jpg", "/a%0ab", "/a%0d", "/%7f"] {
            assert_eq!(clean(raw), Err(BadPath::Control), "{raw}");
        }
    }

    #[test]
    fn encoded_slashes_are_remembered() {
        assert!(CleanPath::parse("/a%2Fb").unwrap().ambiguous);
        assert!(CleanPath::parse("/a%2fb").unwrap().ambiguous);
        assert!(CleanPath::parse("/a%5Cb").unwrap().ambiguous);
        assert!(!CleanPath::parse("/a%20b").unwrap().ambiguous);
    }

    #[test]
    fn only_well_known_may_start_with_a_dot() {
        for hidden in [
            "/.env",
            "/a/.git/config",
            "/a/.well-known/x",
            "/.well-knownx",
        ] {
            assert!(is_hidden(hidden), "{hidden}");
        }
        for shown in ["/", "/a.b", "/.well-known", "/.well-known/acme/x"] {
            assert!(!is_hidden(shown), "{shown}");
        }
        assert!(is_hidden("/.well-known/.env"));
    }
}
