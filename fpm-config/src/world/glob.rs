//! `glob(3)` as php-fpm calls it: stop at unreadable folders, mark folders
//! with a slash, sort by byte.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::files::Files;

/// Why a pattern has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GlobError {
    /// Nothing is there.
    NoMatch,
    /// A folder in it cannot be read.
    Aborted,
}

/// The paths that match `pattern`, folders with a slash at the end.
pub(crate) fn glob(files: &dyn Files, pattern: &[u8]) -> Result<Vec<Vec<u8>>, GlobError> {
    let mut found: Vec<Vec<u8>> = vec![leading_slashes(pattern).to_vec()];
    let parts = pattern[found[0].len()..].split(|&byte| byte == b'/');
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let mut next = Vec::new();
        for base in &found {
            expand(files, base, part, last, &mut next)?;
        }
        found = next;
        if found.is_empty() {
            return Err(GlobError::NoMatch);
        }
    }
    found.sort();
    Ok(found)
}

fn leading_slashes(pattern: &[u8]) -> &[u8] {
    let len = pattern.iter().position(|&byte| byte != b'/');
    &pattern[..len.unwrap_or(pattern.len())]
}

fn is_dir(files: &dyn Files, path: &[u8]) -> bool {
    let metadata = files.metadata(as_path(path));
    metadata.is_ok_and(|metadata| metadata.is_dir)
}

/// Adds what `part` matches in the folder `base`.
fn expand(
    files: &dyn Files,
    base: &[u8],
    part: &[u8],
    last: bool,
    into: &mut Vec<Vec<u8>>,
) -> Result<(), GlobError> {
    let mut add = |name: &[u8], listed: Option<Option<bool>>| {
        let mut path = [base, name].concat();
        let is_dir = || match listed.flatten() {
            Some(known) => known,
            None => is_dir(files, &path),
        };
        let slash = if last {
            if listed.is_none() && !files.exists(as_path(&path)) {
                return;
            }
            is_dir()
        } else {
            // A folder that is named in full is only looked at when it is
            // listed: if it is missing, that is an error.
            if listed.is_some() && !is_dir() {
                return;
            }
            true
        };
        if slash {
            path.push(b'/');
        }
        into.push(path);
    };
    if part.is_empty() {
        // `a//b`, or a slash at the end: the folder itself, if there is one.
        if last && !is_dir(files, base) {
            return Ok(());
        }
        let slash: &[u8] = if last { b"" } else { b"/" };
        into.push([base, slash].concat());
        return Ok(());
    }
    if !is_pattern(part) {
        add(&unescape(part), None);
        return Ok(());
    }
    let folder: &[u8] = if base.is_empty() { b"." } else { base };
    let entries = match files.list(as_path(folder)) {
        Ok(entries) => entries,
        // Not a folder: nothing can match in it.
        Err(error) if error.errno == 20 => return Ok(()),
        Err(_) => return Err(GlobError::Aborted),
    };
    for entry in entries {
        let name = &entry.name;
        let hidden = name.first() == Some(&b'.') && part.first() != Some(&b'.');
        if !hidden && matches(part, name) {
            add(name, Some(entry.is_dir));
        }
    }
    Ok(())
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn is_pattern(part: &[u8]) -> bool {
    part.iter().any(|byte| b"*?[".contains(byte))
}

fn unescape(part: &[u8]) -> Vec<u8> {
    let mut bytes = part.iter();
    let mut out = Vec::with_capacity(part.len());
    while let Some(&byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        out.push(*escaped.unwrap_or(&byte));
    }
    out
}

/// `fnmatch` for one part of a path, in time of the product of both lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on after the last `*` if the rest does not match.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p + 1, n));
            p += 1;
            continue;
        }
        if p == pattern.len() && n == name.len() {
            return true;
        }
        if n < name.len()
            && let Some(len) = matches_byte(&pattern[p..], name[n])
        {
            p += len;
            n += 1;
            continue;
        }
        match retry {
            Some((after, at)) if at < name.len() => {
                retry = Some((after, at + 1));
                (p, n) = (after, at + 1);
            }
            _ => return false,
        }
    }
}

/// How long the piece at the start of `pattern` is that matches `byte`.
fn matches_byte(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [b'[', rest @ ..] => match set(rest, byte) {
            Some((len, hit)) => hit.then_some(1 + len),
            // No `]`: the bracket stands for itself.
            None => (byte == b'[').then_some(1),
        },
        [literal, ..] => (*literal == byte).then_some(1),
    }
}

/// Reads a set behind its `[`: its length up to `]`, and whether it has `byte`.
fn set(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let negated = matches!(pattern.first(), Some(b'!' | b'^'));
    let mut at = usize::from(negated);
    let first = at;
    let mut hit = false;
    loop {
        let low = *pattern.get(at)?;
        if low == b']' && at > first {
            return Some((at + 1, hit != negated));
        }
        if let Some((len, class_hit)) = class(&pattern[at..], byte) {
            hit |= class_hit;
            at += len;
            continue;
        }
        match pattern.get(at + 1..at + 3) {
            Some(&[b'-', high]) if high != b']' => {
                hit |= (low..=high).contains(&byte);
                at += 3;
            }
            _ => {
                hit |= low == byte;
                at += 1;
            }
        }
    }
}

/// `[:alpha:]` and its likes inside a set.
fn class(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let name = pattern.strip_prefix(b"[:")?;
    let len = name.windows(2).position(|pair| pair == b":]")?;
    let hit = match &name[..len] {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"lower" => byte.is_ascii_lowercase(),
        b"upper" => byte.is_ascii_uppercase(),
        b"space" => byte.is_ascii_whitespace(),
        b"punct" => byte.is_ascii_punctuation(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    };
    Some((len + 4, hit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    fn found(pattern: &str) -> Vec<String> {
        let mut world = MemoryWorld::default();
        for path in [
            "/d/b.conf",
            "/d/a.conf",
            "/d/.hidden.conf",
            "/d/x/c.conf",
            "/d/a.txt",
        ] {
            world.add_file(path, "");
        }
        let paths = glob(&world, pattern.as_bytes()).unwrap_or_default();
        let text = |path: Vec<u8>| String::from_utf8(path).unwrap();
        paths.into_iter().map(text).collect()
    }

    #[test]
    fn matches_are_sorted_and_folders_marked() {
        assert_eq!(found("/d/*.conf"), ["/d/a.conf", "/d/b.conf"]);
        assert_eq!(
            found("/d/*"),
            ["/d/a.conf", "/d/a.txt", "/d/b.conf", "/d/x/"]
        );
        assert_eq!(found("/d/*/*.conf"), ["/d/x/c.conf"]);
        assert_eq!(found("/d/[!a].conf"), ["/d/b.conf"]);
        assert_eq!(found("/d/[[:alpha:]].t?t"), ["/d/a.txt"]);
        assert_eq!(found("/d/.h*"), ["/d/.hidden.conf"]);
    }

    #[test]
    fn slash_at_the_end_wants_a_folder_that_is_there() {
        assert_eq!(found("/d/x/"), ["/d/x/"]);
        assert_eq!(found("/d/y/"), [""; 0]);
    }

    #[test]
    fn a_pattern_of_stars_ends() {
        let name = [b'a'; 200];
        assert!(!matches(b"*a*a*a*a*a*a*a*a*a*a*a*b", &name));
    }
}
