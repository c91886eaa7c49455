//! The params of a script's request.

use std::fmt;
use std::os::unix::ffi::OsStrExt;

use fastcgi_proto::ParamError;
use fastcgi_proto::cgi::{self, ConnInfo, EnvError, EnvPolicy, EnvWriter, Files, ParamSink};
use http::request::Parts;

use super::content::Content;
use super::early::EarlyHints;
use super::fault::Fault;
use super::origin::Origin;
use super::script::Script;
use super::session_keys::SessionKeys;
use crate::Request;

/// `SERVER_SOFTWARE`, unless the host says another.
const SOFTWARE: &str = concat!("fpm-pool/", env!("CARGO_PKG_VERSION"));

/// What a host tells all scripts.
#[derive(Clone, Debug)]
pub(super) struct Gateway {
    pub(super) software: Vec<u8>,
    /// Variables that win over those of the request.
    pub(super) vars: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) session_keys: SessionKeys,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            software: SOFTWARE.into(),
            vars: Vec::new(),
            session_keys: SessionKeys::new(),
        }
    }
}

/// A request that a script is to answer, for a [`Backend`](super::Backend).
#[derive(Clone, Copy)]
pub struct Call<'a> {
    parts: &'a Parts,
    origin: Origin,
    script: &'a Script,
    gateway: &'a Gateway,
}

impl<'a> Call<'a> {
    pub(super) const fn new(
        parts: &'a Parts,
        origin: Origin,
        script: &'a Script,
        gateway: &'a Gateway,
    ) -> Self {
        Self {
            parts,
            origin,
            script,
            gateway,
        }
    }

    /// The head of the HTTP request.
    #[must_use]
    pub const fn parts(&self) -> &'a Parts {
        self.parts
    }

    /// Who asks.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// The script.
    #[must_use]
    pub const fn script(&self) -> &'a Script {
        self.script
    }

    /// Writes the params into `sink`. `content_length` is the body's
    /// ([`Content::length`]).
    ///
    /// # Errors
    ///
    /// When a field cannot be passed on; [`Fault`] has the answer.
    pub fn write_params<S: ParamSink>(
        &self,
        sink: &mut S,
        content_length: Option<u64>,
    ) -> Result<(), EnvError<S::Error>> {
        let policy = EnvPolicy::default();
        let mut conn = ConnInfo::new(&self.gateway.software);
        conn.remote = self.origin.client;
        conn.local = self.origin.local;
        conn.https = self.origin.https;
        let script = cgi::Script::new(self.script.name().as_bytes())
            .with_path_info(self.script.path_info().as_bytes());
        let files = Files::new(
            self.script.document_root().as_os_str().as_bytes(),
            self.script.filename().as_os_str().as_bytes(),
        );
        let vars = self.gateway.vars.iter();
        let vars: Vec<_> = vars.map(|(name, value)| (&**name, &**value)).collect();
        let mut env = EnvWriter::new(sink, &policy).with_vars(&vars);
        env.http_request(self.parts, &conn, &script, &files, content_length)?;
        env.finish()
    }

    /// The request for a pool.
    ///
    /// # Errors
    ///
    /// When a field cannot be passed on: 400 for a NUL byte, 431 for more or
    /// longer fields than FastCGI carries.
    pub fn request(&self, content: Content) -> Result<Request, Fault> {
        let mut request = Request::new();
        let mut params = request.params();
        self.write_params(&mut params, content.length())?;
        params.finish().map_err(EnvError::Sink)?;
        for (key, limit) in self.gateway.session_keys.of(&self.parts.headers) {
            request = request.key(key, limit);
        }
        if let Some(hints) = self.parts.extensions.get::<EarlyHints>().cloned() {
            request = request.on_informational(move |head| hints.tell(head));
        }
        let length = content.length().unwrap_or_default();
        Ok(match content.into_bytes() {
            Ok(bytes) => request.bytes(bytes),
            Err(content) => request.stream(content.into_stream(), length),
        })
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("script", self.script)
            .field("uri", &self.parts.uri)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// The request for `script` of an HTTP request: for hosts that choose
    /// scripts themselves, one level below
    /// [`PhpSite`](crate::http::PhpSite).
    ///
    /// Client and scheme come from the [`Origin`] among the extensions of
    /// `parts`. A body that is not at hand is read by a
    /// [`BodyPolicy`](crate::http::BodyPolicy), or passed on as it comes by
    /// [`Content::stream`].
    ///
    /// # Errors
    ///
    /// When a field cannot be passed on: 400 for a NUL byte, 431 for more or
    /// longer fields than FastCGI carries.
    ///
    /// # Examples
    ///
    /// ```
    /// use fpm_pool::Request;
    /// use fpm_pool::http::Script;
    ///
    /// let (parts, body) = http::Request::post("/user/7?tab=1")
    ///     .header("host", "example.org")
    ///     .body("a=b")?
    ///     .into_parts();
    /// let script = Script::new("/srv/www", "/srv/www/index.php", "/index.php");
    /// let request = Request::from_http(&parts, body, &script)?;
    /// assert_eq!(request.param(b"QUERY_STRING"), Some(&b"tab=1"[..]));
    /// assert_eq!(request.param(b"CONTENT_LENGTH"), Some(&b"3"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_http(
        parts: &Parts,
        body: impl Into<Content>,
        script: &Script,
    ) -> Result<Self, Fault> {
        let origin = parts.extensions.get().copied().unwrap_or_default();
        Call::new(parts, origin, script, &Gateway::default()).request(body.into())
    }
}

/// What to answer when the params cannot be written: NUL bytes are nonsense,
/// all else is too much.
impl From<EnvError<ParamError>> for Fault {
    fn from(error: EnvError<ParamError>) -> Self {
        use http::StatusCode;
        let status = match &error {
            EnvError::Sink(ParamError::Nul { .. }) | EnvError::UnsafeName => {
                StatusCode::BAD_REQUEST
            }
            _ => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        };
        Self::new(status, "the request cannot be passed on").caused_by(&error)
    }
}
