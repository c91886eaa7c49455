//! Files that a script hands over to the server: `X-Sendfile` and
//! `X-Accel-Redirect`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    LAST_MODIFIED, VARY,
};
use http::{HeaderMap, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::root::{Found, Purpose, Root, Symlinks};

const X_SENDFILE: HeaderName = HeaderName::from_static("x-sendfile");
const X_ACCEL_REDIRECT: HeaderName = HeaderName::from_static("x-accel-redirect");

/// The fields that describe the file, whatever the script says of it.
const OF_THE_FILE: [HeaderName; 7] = [
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_ENCODING,
    ACCEPT_RANGES,
    ETAG,
    LAST_MODIFIED,
    VARY,
];

/// The folders that scripts may hand over files from, each with who sends
/// them. With none, the fields mean nothing and pass like any other.
#[derive(Clone, Debug)]
pub(super) struct Handover<F>(Vec<(PathBuf, F)>);

/// The file that a script wants to be sent.
#[derive(Debug)]
pub(super) struct Wanted(String);

impl<F> Default for Handover<F> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<F: Clone> Handover<F> {
    pub(super) fn add(&mut self, folder: PathBuf, service: F) {
        self.0.push((folder, service));
    }

    /// Takes the file's name out of an answer; the fields never reach the
    /// client then.
    pub(super) fn take(&self, headers: &mut HeaderMap) -> Option<Wanted> {
        if self.0.is_empty() {
            return None;
        }
        let accel = headers.remove(X_ACCEL_REDIRECT);
        let sendfile = headers.remove(X_SENDFILE);
        if let Some(path) = sendfile {
            return Some(Wanted(path.to_str().unwrap_or_default().to_owned()));
        }
        // It is an URL path.
        let path = accel?;
        let path = path.to_str().unwrap_or_default();
        let path = path.split('?').next().unwrap_or(path);
        let path = percent_decode_str(path).decode_utf8_lossy();
        Some(Wanted(path.into_owned()))
    }

    /// Opens a file below one of the folders: an absolute path, or one
    /// relative to a folder, also with a slash in front. No link leads out
    /// of a folder.
    ///
    /// # Errors
    ///
    /// `NotFound` for what is not below a folder, and those of the file
    /// system.
    pub(super) fn open(&self, wanted: &Wanted) -> io::Result<(Found, F)> {
        let wanted = Path::new(&wanted.0);
        for (folder, service) in &self.0 {
            let Ok(folder) = fs::canonicalize(folder) else {
                continue;
            };
            let relative = wanted.strip_prefix("/").unwrap_or(wanted);
            let absolute = wanted.is_absolute().then(|| wanted.to_owned());
            for candidate in absolute.into_iter().chain([folder.join(relative)]) {
                let Ok(path) = fs::canonicalize(candidate) else {
                    continue;
                };
                let Some(name) = path.strip_prefix(&folder).ok().and_then(Path::to_str) else {
                    continue;
                };
                let root = Root::new(&folder, Symlinks::Never);
                let found = root.open(&format!("/{name}"), Purpose::Read)?;
                if found.metadata().is_file() {
                    return Ok((found, service.clone()));
                }
            }
        }
        let text = "no such file below an allowed folder";
        Err(io::Error::new(io::ErrorKind::NotFound, text))
    }
}

impl Wanted {
    pub(super) fn name(&self) -> &str {
        &self.0
    }
}

/// Gives the answer with the file the fields that the script has set.
pub(super) fn merge<B>(response: &mut Response<B>, status: StatusCode, scripted: &HeaderMap) {
    if status != StatusCode::OK && response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    for name in scripted.keys() {
        if OF_THE_FILE.contains(name) {
            continue;
        }
        if name == CONTENT_TYPE && response.status() != StatusCode::OK {
            continue;
        }
        response.headers_mut().remove(name);
        for value in scripted.get_all(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_files_below_an_allowed_folder_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let allowed = folder.path().join("allowed");
        fs::create_dir_all(allowed.join("sub")).unwrap();
        fs::write(allowed.join("sub/a.zip"), "zip").unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        symlink(folder.path().join("secret"), allowed.join("link")).unwrap();
        let mut roots = Handover::default();
        roots.add(allowed.clone(), ());
        let open = |path: &str| roots.open(&Wanted(path.to_owned()));
        let absolute = allowed.join("sub/a.zip");
        for good in [absolute.to_str().unwrap(), "sub/a.zip", "/sub/a.zip"] {
            let (found, ()) = open(good).unwrap();
            assert_eq!(found.name(), "/sub/a.zip", "{good}");
        }
        let outside = folder.path().join("secret");
        for bad in [
            outside.to_str().unwrap(),
            "/etc/passwd",
            "../secret",
            "sub/../../secret",
            "link",
            "sub",
            "",
            "/",
        ] {
            assert!(open(bad).is_err(), "{bad}");
        }
    }
}
