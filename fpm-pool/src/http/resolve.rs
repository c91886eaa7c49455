//! What a clean path asks for: a script, a file, a folder, or nothing.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Instant;

use http::Uri;
use libc::{ELOOP, ENXIO};

use super::document_root::DocumentRoot;
use super::names::{holds_source, is_script};
use super::path::{BadPath, CleanPath, is_hidden};
use super::root::{Found, Purpose, Root};
use super::script::Script;

/// What a request path leads to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Resolved {
    /// A script: run it.
    Script(Script),
    /// A file, opened: send it.
    File(Found),
    /// A folder that was asked for without its trailing slash: answer 301
    /// with this `Location`, a path on the same host.
    Redirect(String),
    /// Nothing that may be shown: answer 404.
    Missing,
    /// No path, or one that leads out of the root: answer 400.
    BadPath,
}

impl DocumentRoot {
    /// Finds what the path of a request leads to. It opens files and so may
    /// wait for the disk.
    ///
    /// # Errors
    ///
    /// Those of the file system other than "not there" and "not allowed",
    /// such as too many open files; answer 500.
    pub fn resolve(&self, uri: &Uri) -> io::Result<Resolved> {
        let path = match CleanPath::parse(uri.path()) {
            Ok(path) => path,
            Err(BadPath::Malformed) => return Ok(Resolved::BadPath),
            Err(BadPath::Control) => return Ok(Resolved::Missing),
        };
        Ok(match resolve(self, &path)? {
            Target::Script(script) => Resolved::Script(script),
            Target::File(found) => Resolved::File(found),
            Target::Folder => Resolved::Redirect(folder_location(uri)),
            Target::Missing => Resolved::Missing,
        })
    }
}

/// The same path and query with a slash behind the path.
fn folder_location(uri: &Uri) -> String {
    // `//host/` would lead to another host.
    let path = uri.path().trim_start_matches('/');
    match uri.query() {
        Some(query) => format!("/{path}/?{query}"),
        None => format!("/{path}/"),
    }
}

/// What a clean path leads to.
#[derive(Debug)]
pub(super) enum Target {
    Script(Script),
    File(Found),
    /// A folder that was asked for without its trailing slash.
    Folder,
    /// Nothing that may be shown.
    Missing,
}

/// Finds what `path` asks for in `site`.
///
/// # Errors
///
/// Those of the file system other than "not there" and "not allowed".
pub(super) fn resolve(site: &DocumentRoot, path: &CleanPath<'_>) -> io::Result<Target> {
    let text = &*path.text;
    if site.denies(text) {
        return Ok(Target::Missing);
    }
    if path.ambiguous {
        return front_controller(site);
    }
    if text.ends_with('/') {
        return folder(site, text);
    }
    if is_script(text) {
        return script(site, text);
    }
    file_or_folder(site, text)
}

fn file_or_folder(site: &DocumentRoot, text: &str) -> io::Result<Target> {
    match look(&site.root, text)? {
        Look::BelowFile => with_path_info(&site.root, text),
        Look::Place(found) if found.metadata().is_dir() => bare_folder(site, text),
        _ if is_hidden(text) => Ok(Target::Missing),
        Look::Place(found) => Ok(file(&site.root, found, text)),
        Look::Nothing => front_controller(site),
    }
}

/// A path that names a script: looked for at most once in a while, since
/// every request for it would ask the same.
fn script(site: &DocumentRoot, text: &str) -> io::Result<Target> {
    let now = Instant::now();
    if let Some(filename) = site.root.recent_script(text, now) {
        return Ok(found_script(&site.root, filename, text, ""));
    }
    let target = file_or_folder(site, text)?;
    if matches!(&target, Target::Script(script) if script.name() == text) {
        site.root.remember_script(text, now);
    }
    Ok(target)
}

#[expect(clippy::large_enum_variant, reason = "moved once, then taken apart")]
enum Look {
    Place(Found),
    Nothing,
    /// A part of the path is a file, so nothing can be below it.
    BelowFile,
}

fn look(root: &Root, path: &str) -> io::Result<Look> {
    let purpose = match is_script(path) {
        true => Purpose::Locate,
        false => Purpose::Read,
    };
    match root.open(path, purpose) {
        Ok(found) => Ok(Look::Place(found)),
        Err(error) => match error.kind() {
            ErrorKind::NotADirectory => Ok(Look::BelowFile),
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::InvalidFilename => {
                Ok(Look::Nothing)
            }
            _ => match error.raw_os_error() {
                // A socket file, or a loop of links.
                Some(ENXIO | ELOOP) => Ok(Look::Nothing),
                _ => Err(error),
            },
        },
    }
}

/// A path with a trailing slash: the index of a folder, or the path-info of
/// a script.
fn folder(site: &DocumentRoot, path: &str) -> io::Result<Target> {
    let hidden = is_hidden(path);
    for index in &site.index {
        if hidden {
            break;
        }
        let candidate = format!("{path}{index}");
        match look(&site.root, &candidate)? {
            Look::Place(found) if found.metadata().is_file() => {
                return Ok(file(&site.root, found, &candidate));
            }
            Look::BelowFile => return with_path_info(&site.root, path),
            Look::Place(_) | Look::Nothing => {}
        }
    }
    match hidden {
        // `/index.php/.x/`: hidden names are only those of files.
        true => with_path_info(&site.root, path),
        false => front_controller(site),
    }
}

/// A folder asked for without its slash. A front controller may have a
/// route of that name, so the folder has to have an index to win.
fn bare_folder(site: &DocumentRoot, path: &str) -> io::Result<Target> {
    if is_hidden(path) {
        return Ok(Target::Missing);
    }
    if site.front_controller.is_some() {
        let target = folder(site, &format!("{path}/"))?;
        let is_index = match &target {
            Target::Script(script) => site.front_controller.as_deref() != Some(script.name()),
            _ => true,
        };
        if !is_index {
            return Ok(target);
        }
    }
    Ok(Target::Folder)
}

fn file(root: &Root, found: Found, path: &str) -> Target {
    if !found.metadata().is_file() {
        return Target::Missing;
    }
    if is_script(path) {
        return found_script(root, found.into_parts().2, path, "");
    }
    match holds_source(path) {
        true => Target::Missing,
        false => Target::File(found),
    }
}

fn found_script(root: &Root, filename: PathBuf, name: &str, path_info: &str) -> Target {
    let document_root = root.path().clone();
    let (name, path_info) = (name.to_owned(), path_info.to_owned());
    Target::Script(Script::found(document_root, filename, name, path_info))
}

/// Finds the script in front of `/path/info`. What lies below any other file
/// is missing, also with a front controller: `/upload/x.jpg/y.php` must
/// never run, and no application has such a route.
fn with_path_info(root: &Root, path: &str) -> io::Result<Target> {
    let lower = path.to_ascii_lowercase();
    for (at, _) in lower.match_indices(".php/") {
        let (name, path_info) = path.split_at(at + ".php".len());
        if is_hidden(name) {
            break;
        }
        match look(root, name)? {
            Look::Place(found) if found.metadata().is_file() => {
                let filename = found.into_parts().2;
                return Ok(found_script(root, filename, name, path_info));
            }
            // A folder of such a name; the script may come later.
            Look::Place(_) => {}
            Look::Nothing | Look::BelowFile => break,
        }
    }
    Ok(Target::Missing)
}

fn front_controller(site: &DocumentRoot) -> io::Result<Target> {
    let Some(name) = &site.front_controller else {
        return Ok(Target::Missing);
    };
    match look(&site.root, name)? {
        Look::Place(found) => Ok(file(&site.root, found, name)),
        Look::Nothing | Look::BelowFile => Ok(Target::Missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_redirect_stays_on_this_host() {
        for (target, expected) in [
            ("/docs", "/docs/"),
            ("/docs?a=1", "/docs/?a=1"),
            ("//evil.example/x", "/evil.example/x/"),
        ] {
            let location = folder_location(&Uri::try_from(target).unwrap());
            assert_eq!(location, expected, "{target}");
        }
    }
}
