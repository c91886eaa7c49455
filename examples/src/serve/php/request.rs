//! The params of a script's request.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use fastcgi_proto::ParamError;
use fastcgi_proto::cgi::{ConnInfo, EnvError, EnvPolicy, EnvWriter, Files, ParamSink, Script};
use http::StatusCode;
use http::request::Parts;

use super::SessionKeys;
use crate::serve::http::Origin;
use crate::serve::site;

/// `SERVER_SOFTWARE`.
const SOFTWARE: &[u8] = concat!("serve/", env!("CARGO_PKG_VERSION")).as_bytes();

/// What the params of a request are made of.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) parts: &'a Parts,
    pub(super) origin: &'a Origin,
    pub(super) script: &'a site::Script,
    pub(super) document_root: &'a Path,
    pub(super) session_keys: &'a SessionKeys,
}

impl Call<'_> {
    /// Writes the params into `sink`.
    ///
    /// # Errors
    ///
    /// When a field cannot be passed on; answer 400 or 431.
    pub(super) fn write_params<S: ParamSink>(
        &self,
        sink: &mut S,
        content_length: Option<u64>,
    ) -> Result<(), EnvError<S::Error>> {
        let policy = EnvPolicy::default();
        let mut conn = ConnInfo::new(SOFTWARE);
        conn.remote = self.origin.remote;
        conn.local = self.origin.local;
        conn.https = self.origin.https;
        let mut script = Script::new(self.script.name.as_bytes());
        if !self.script.path_info.is_empty() {
            script = script.with_path_info(self.script.path_info.as_bytes());
        }
        let files = Files::new(
            self.document_root.as_os_str().as_bytes(),
            self.script.filename.as_os_str().as_bytes(),
        );
        let mut env = EnvWriter::new(sink, &policy);
        env.http_request(self.parts, &conn, &script, &files, content_length)?;
        env.finish()
    }
}

/// What to answer when the params cannot be written: NUL bytes are nonsense,
/// all else is too much.
pub(super) fn params_status(error: &EnvError<ParamError>) -> StatusCode {
    match error {
        EnvError::Sink(ParamError::Nul { .. }) | EnvError::UnsafeName => StatusCode::BAD_REQUEST,
        _ => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    }
}
