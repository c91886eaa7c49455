//! Script and path-info of a URL path.

use thiserror::Error;

/// The part of a URL path that names the script, and what follows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Script<'p> {
    /// `SCRIPT_NAME`: the path up to and with the suffix.
    pub name: &'p [u8],
    /// `PATH_INFO`: what follows the script. Never empty: `None` when nothing
    /// follows.
    pub path_info: Option<&'p [u8]>,
}

impl<'p> Script<'p> {
    /// A script without path-info.
    #[must_use]
    pub const fn new(name: &'p [u8]) -> Self {
        Self {
            name,
            path_info: None,
        }
    }

    /// The same script with `path_info`; an empty one counts as none.
    #[must_use]
    pub const fn with_path_info(self, path_info: &'p [u8]) -> Self {
        Self {
            path_info: if path_info.is_empty() {
                None
            } else {
                Some(path_info)
            },
            ..self
        }
    }
}

/// Why a URL path cannot name a file.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PathError {
    /// A NUL byte: PHP would end the file name there, so that `a.php\0.jpg`
    /// runs `a.php`.
    #[error("the path has a NUL byte at {at}")]
    Nul {
        /// Where, in bytes.
        at: usize,
    },
}

/// Splits the decoded `path` of a URL behind the first segment that ends with
/// one of `suffixes`.
///
/// The suffix is compared byte by byte, ASCII letters in either case: no
/// Unicode folding can make another name out of it. It must be followed by
/// `/` or the end of the path, so `/a.phpx` is no script. CR and LF are bytes
/// like any other, and path-info is never empty: the two together made
/// CVE-2019-11043.
///
/// `Ok(None)` means that no segment has such a suffix. Whether the file
/// exists is for the caller to see.
///
/// # Errors
///
/// [`PathError::Nul`]; answer the request with 400.
///
/// # Examples
///
/// ```
/// use fastcgi_proto::cgi::split_path;
///
/// let script = split_path(b"/app/index.php/user/7", &[b".php"])?.expect("a script");
/// assert_eq!(script.name, b"/app/index.php");
/// assert_eq!(script.path_info, Some(&b"/user/7"[..]));
///
/// assert_eq!(split_path(b"/logo.png", &[b".php"])?, None);
/// assert!(split_path(b"/upload.php\0.png", &[b".php"]).is_err());
/// # Ok::<(), fastcgi_proto::cgi::PathError>(())
/// ```
pub fn split_path<'p>(path: &'p [u8], suffixes: &[&[u8]]) -> Result<Option<Script<'p>>, PathError> {
    if let Some(at) = path.iter().position(|&byte| byte == 0) {
        return Err(PathError::Nul { at });
    }
    let segment_ends = path
        .iter()
        .enumerate()
        .filter(|&(_, &byte)| byte == b'/')
        .map(|(at, _)| at)
        .chain([path.len()]);
    let end = segment_ends.into_iter().find(|&end| {
        suffixes
            .iter()
            .any(|suffix| ends_with(&path[..end], suffix))
    });
    Ok(end.map(|end| {
        let (name, path_info) = path.split_at(end);
        Script::new(name).with_path_info(path_info)
    }))
}

fn ends_with(path: &[u8], suffix: &[u8]) -> bool {
    let Some(start) = path.len().checked_sub(suffix.len()) else {
        return false;
    };
    !suffix.is_empty() && path[start..].eq_ignore_ascii_case(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_split(path: &[u8], expected: Option<(&[u8], Option<&[u8]>)>) {
        let script = split_path(path, &[b".php", b".phtml"]).unwrap();
        assert_eq!(script.map(|s| (s.name, s.path_info)), expected);
    }

    #[test]
    fn first_segment_with_a_suffix_is_the_script() {
        assert_split(b"/a.php", Some((b"/a.php", None)));
        assert_split(b"/a.PhP/x", Some((b"/a.PhP", Some(b"/x"))));
        assert_split(b"/a.phtml/", Some((b"/a.phtml", Some(b"/"))));
        assert_split(b"/a.php/b.php/c", Some((b"/a.php", Some(b"/b.php/c"))));
        assert_split(b"/d.php.d/a.php", Some((b"/d.php.d/a.php", None)));
        assert_split(b"a.php", Some((b"a.php", None)));
    }

    #[test]
    fn suffix_inside_a_segment_is_no_script() {
        assert_split(b"/a.phpx", None);
        assert_split(b"/a.php.jpg", None);
        assert_split(b"/php", None);
        assert_split(b"", None);
        assert_split(b"/", None);
    }

    #[test]
    fn line_feed_does_not_end_the_match() {
        assert_split(b"/a.php/\nx", Some((b"/a.php", Some(b"/\nx"))));
        assert_split(b"/\n/a.php/x", Some((b"/\n/a.php", Some(b"/x"))));
        assert_split(b"/a.php\n", None);
    }

    #[test]
    fn unicode_letters_never_match_ascii_ones() {
        // U+212A KELVIN SIGN lower-cases to `k`.
        let script = split_path("/a.\u{212a}".as_bytes(), &[b".k"]).unwrap();
        assert_eq!(script, None);
    }

    #[test]
    fn nul_is_refused_wherever_it_stands() {
        for (path, at) in [(&b"/a.php\0.jpg"[..], 6), (b"\0", 0), (b"/a.php/\0", 7)] {
            assert_eq!(split_path(path, &[b".php"]), Err(PathError::Nul { at }));
        }
    }

    #[test]
    fn empty_suffix_matches_nothing() {
        assert_eq!(split_path(b"/a", &[b""]), Ok(None));
    }
}
