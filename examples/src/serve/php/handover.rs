//! Files that a script hands over to the server: `X-Sendfile` and
//! `X-Accel-Redirect`.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    LAST_MODIFIED, VARY,
};
use http::request::Parts;
use http::{Response, StatusCode};
use nix::libc::{O_CLOEXEC, O_NONBLOCK};
use percent_encoding::percent_decode_str;

use crate::serve::files;
use crate::serve::http::{Body, pages};
use crate::serve::site::{Found, Script};

const X_SENDFILE: HeaderName = HeaderName::from_static("x-sendfile");
const X_ACCEL_REDIRECT: HeaderName = HeaderName::from_static("x-accel-redirect");

/// The folders that scripts may hand over files from, without links. With
/// none, the fields mean nothing and pass like any other.
#[derive(Debug, Default)]
pub(crate) struct HandoverRoots(Vec<PathBuf>);

/// The file that a script wants to be sent.
#[derive(Debug)]
pub(super) struct Wanted(String);

impl HandoverRoots {
    /// Takes the folders that `--sendfile-root` names.
    ///
    /// # Errors
    ///
    /// When one does not exist; returned with its path.
    pub(crate) fn new(folders: &[PathBuf]) -> Result<Self, (PathBuf, io::Error)> {
        let canonical = folders
            .iter()
            .map(|folder| fs::canonicalize(folder).map_err(|error| (folder.clone(), error)));
        canonical.collect::<Result<_, _>>().map(Self)
    }

    /// Takes the file's name out of an answer; the fields never reach the
    /// client then.
    pub(super) fn take(&self, response: &mut Response<Body>) -> Option<Wanted> {
        if self.0.is_empty() {
            return None;
        }
        let headers = response.headers_mut();
        let accel = headers.remove(X_ACCEL_REDIRECT);
        let sendfile = headers.remove(X_SENDFILE);
        if let Some(path) = sendfile {
            return Some(Wanted(path.to_str().unwrap_or_default().to_owned()));
        }
        // It is an URL path.
        let path = accel?;
        let path = path.to_str().unwrap_or_default();
        let path = path.split('?').next().unwrap_or(path);
        Some(Wanted(
            percent_decode_str(path).decode_utf8_lossy().into_owned(),
        ))
    }

    /// Sends the file with the fields that the script has set.
    pub(super) fn send(
        &self,
        wanted: &Wanted,
        scripted: Response<Body>,
        request: &Parts,
        script: &Script,
    ) -> Response<Body> {
        let found = match self.open(&wanted.0) {
            Ok(found) => found,
            Err(error) => {
                let script = script.filename.display();
                tracing::error!(%script, file = ?wanted.0, %error, "a file cannot be handed over");
                return pages::error(StatusCode::NOT_FOUND);
            }
        };
        let mut response = files::respond(found, &http::Method::GET, &request.headers);
        let status = scripted.status();
        if status != StatusCode::OK && response.status() == StatusCode::OK {
            *response.status_mut() = status;
        }
        for name in scripted.headers().keys() {
            let of_the_file = [
                &CONTENT_LENGTH,
                &CONTENT_RANGE,
                &CONTENT_ENCODING,
                &ACCEPT_RANGES,
                &ETAG,
                &LAST_MODIFIED,
                &VARY,
            ];
            if of_the_file.contains(&name) {
                continue;
            }
            if name == CONTENT_TYPE && response.status() != StatusCode::OK {
                continue;
            }
            response.headers_mut().remove(name);
            for value in scripted.headers().get_all(name) {
                response.headers_mut().append(name, value.clone());
            }
        }
        response
    }

    /// Opens a file below one of the folders: an absolute path, or one
    /// relative to a folder, also with a slash in front.
    fn open(&self, wanted: &str) -> io::Result<Found> {
        let relative = Path::new(wanted.trim_start_matches('/'));
        let candidates = self.0.iter().map(|root| root.join(relative));
        let absolute = Path::new(wanted).is_absolute().then(|| wanted.into());
        for candidate in absolute.into_iter().chain(candidates) {
            let Ok(path) = fs::canonicalize(&candidate) else {
                continue;
            };
            if !self.0.iter().any(|root| path.starts_with(root)) {
                continue;
            }
            let file = fs::OpenOptions::new()
                .read(true)
                .custom_flags(O_NONBLOCK | O_CLOEXEC)
                .open(&path)?;
            let metadata = file.metadata()?;
            if metadata.is_file() {
                return Ok(Found {
                    file,
                    metadata,
                    path,
                });
            }
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no such file below an allowed folder",
        ))
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
        let roots = HandoverRoots::new(std::slice::from_ref(&allowed)).unwrap();
        let absolute = allowed.join("sub/a.zip");
        for good in [absolute.to_str().unwrap(), "sub/a.zip", "/sub/a.zip"] {
            assert!(roots.open(good).is_ok(), "{good}");
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
            assert!(roots.open(bad).is_err(), "{bad}");
        }
    }
}
