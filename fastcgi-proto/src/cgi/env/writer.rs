//! Writes the variables of a request.

use core::net::SocketAddr;

use super::fields::{self, Class, PREFIX};
use super::text::Text;
use super::{
    Authorization, ConnInfo, EnvError, EnvPolicy, Files, ParamSink, RequestLine, UnsafeNames,
};
use crate::cgi::Script;

/// Writes the variables of a request into a [`ParamSink`], each once.
///
/// Call [`request`](Self::request), [`script`](Self::script) and
/// [`fields`](Self::fields) (or, with the feature `http`,
/// [`http_request`](Self::http_request) for all three), then
/// [`finish`](Self::finish).
///
/// There is no map and no copy of a field on the way; the variables that the
/// host sets itself ([`with_vars`](Self::with_vars)) replace those of the
/// same name, wherever these come from.
///
/// # Examples
///
/// ```
/// use fastcgi_proto::cgi::{ConnInfo, EnvPolicy, EnvWriter, Files, RequestLine, Script};
///
/// let policy = EnvPolicy::default();
/// let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
/// let mut env = EnvWriter::new(&mut pairs, &policy);
/// let line = RequestLine::new(b"POST", b"/a.php/x?y=1");
/// env.request(&line, &ConnInfo::new(b"demo/1"), Some(b"example.org:8080"), Some(3))?;
/// env.script(
///     &Script::new(b"/a.php").with_path_info(b"/x"),
///     &Files::new(b"/srv/www", b"/srv/www/a.php"),
/// )?;
/// env.fields(&[(b"Host", b"example.org:8080"), (b"Proxy", b"evil:80")])?;
/// env.finish()?;
///
/// let get = |name: &[u8]| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| &v[..]);
/// assert_eq!(get(b"QUERY_STRING"), Some(&b"y=1"[..]));
/// assert_eq!(get(b"CONTENT_LENGTH"), Some(&b"3"[..]));
/// assert_eq!(get(b"SERVER_NAME"), Some(&b"example.org"[..]));
/// assert_eq!(get(b"HTTP_PROXY"), None);
/// # Ok::<(), fastcgi_proto::cgi::EnvError<fastcgi_proto::cgi::NulByte>>(())
/// ```
#[derive(Debug)]
pub struct EnvWriter<'a, S> {
    sink: &'a mut S,
    policy: &'a EnvPolicy,
    vars: &'a [(&'a [u8], &'a [u8])],
}

impl<'a, S: ParamSink> EnvWriter<'a, S> {
    /// A writer into `sink`.
    #[must_use]
    pub const fn new(sink: &'a mut S, policy: &'a EnvPolicy) -> Self {
        Self {
            sink,
            policy,
            vars: &[],
        }
    }

    /// Variables of the host, written by [`finish`](Self::finish): they win
    /// over everything the request says. Choose the names yourself: PHP
    /// obeys some, such as `PHP_ADMIN_VALUE`.
    #[must_use]
    pub const fn with_vars(self, vars: &'a [(&'a [u8], &'a [u8])]) -> Self {
        Self { vars, ..self }
    }

    /// Writes the variables of the request line and of the connection.
    ///
    /// `host` is the host that the request names (`Host`, `:authority`), with
    /// or without a port. `content_length` is the length of the body *as it
    /// will be sent*, whatever the request's `Content-Length` says; `None`
    /// writes no `CONTENT_LENGTH`, for a request without a body.
    ///
    /// # Errors
    ///
    /// [`EnvError::Sink`].
    pub fn request(
        &mut self,
        line: &RequestLine<'_>,
        conn: &ConnInfo<'_>,
        host: Option<&[u8]>,
        content_length: Option<u64>,
    ) -> Result<(), EnvError<S::Error>> {
        self.var(b"GATEWAY_INTERFACE", b"CGI/1.1")?;
        self.var(b"SERVER_SOFTWARE", conn.server_software)?;
        self.var(b"REQUEST_METHOD", line.method)?;
        self.var(b"REQUEST_URI", line.uri)?;
        self.var(b"QUERY_STRING", line.query())?;
        self.var(b"SERVER_PROTOCOL", line.protocol)?;
        if let Some(length) = content_length {
            self.var(b"CONTENT_LENGTH", Text::of(length).as_bytes())?;
        }
        if self.policy.redirect_status {
            self.var(b"REDIRECT_STATUS", b"200")?;
        }
        self.connection(conn, host)
    }

    fn connection(
        &mut self,
        conn: &ConnInfo<'_>,
        host: Option<&[u8]>,
    ) -> Result<(), EnvError<S::Error>> {
        let scheme: &[u8] = if conn.https { b"https" } else { b"http" };
        self.var(b"REQUEST_SCHEME", scheme)?;
        if conn.https {
            self.var(b"HTTPS", b"on")?;
        }
        match (conn.server_name, host, conn.local) {
            (Some(name), _, _) => self.var(b"SERVER_NAME", name)?,
            (None, Some(host), _) => self.var(b"SERVER_NAME", without_port(host))?,
            (None, None, Some(local)) => self.var(b"SERVER_NAME", ip(local).as_bytes())?,
            (None, None, None) => self.var(b"SERVER_NAME", b"localhost")?,
        }
        self.var(b"SERVER_PORT", Text::of(conn.port()).as_bytes())?;
        if let Some(local) = conn.local {
            self.var(b"SERVER_ADDR", ip(local).as_bytes())?;
        }
        match conn.remote {
            Some(remote) => {
                self.var(b"REMOTE_ADDR", ip(remote).as_bytes())?;
                self.var(b"REMOTE_PORT", Text::of(remote.port()).as_bytes())?;
            }
            None => self.var(b"REMOTE_ADDR", b"unix:")?,
        }
        if let Some((user, auth_type)) = conn.remote_user {
            self.var(b"REMOTE_USER", user)?;
            self.var(b"AUTH_TYPE", auth_type)?;
        }
        Ok(())
    }

    /// Writes the variables of the script; `PATH_INFO` and `PATH_TRANSLATED`
    /// only where there is path-info.
    ///
    /// # Errors
    ///
    /// [`EnvError::Sink`].
    pub fn script(
        &mut self,
        script: &Script<'_>,
        files: &Files<'_>,
    ) -> Result<(), EnvError<S::Error>> {
        self.var(b"SCRIPT_NAME", script.name)?;
        self.var(b"SCRIPT_FILENAME", files.script_filename)?;
        self.var(b"DOCUMENT_ROOT", files.document_root)?;
        let Some(path_info) = script.path_info else {
            return self.var(b"DOCUMENT_URI", script.name);
        };
        self.concat(b"DOCUMENT_URI", script.name, path_info)?;
        self.var(b"PATH_INFO", path_info)?;
        self.concat(b"PATH_TRANSLATED", files.document_root, path_info)
    }

    /// Writes the fields of the request as variables, in order; those that
    /// come more than once are joined at the place of the first: with `, `,
    /// `Cookie` with `; `. Of several `Content-Type` the first counts.
    ///
    /// # Errors
    ///
    /// All of [`EnvError`].
    pub fn fields(&mut self, fields: &[(&[u8], &[u8])]) -> Result<(), EnvError<S::Error>> {
        self.check_count(fields.len())?;
        for (at, (name, _)) in fields.iter().enumerate() {
            let same = |(other, _): &&(&[u8], &[u8])| other.eq_ignore_ascii_case(name);
            if !fields[..at].iter().any(|field| same(&field)) {
                self.field(name, || {
                    fields[at..].iter().filter(same).map(|(_, value)| *value)
                })?;
            }
        }
        Ok(())
    }

    pub(in crate::cgi) const fn check_count(
        &self,
        fields: usize,
    ) -> Result<(), EnvError<S::Error>> {
        let limit = self.policy.max_fields;
        if fields > limit {
            return Err(EnvError::TooManyFields { limit });
        }
        Ok(())
    }

    /// Writes one field with all of its values.
    pub(in crate::cgi) fn field<'v, I: Iterator<Item = &'v [u8]>>(
        &mut self,
        name: &[u8],
        values: impl Fn() -> I,
    ) -> Result<(), EnvError<S::Error>> {
        let separator: &[u8] = match fields::classify(name) {
            Class::Dropped => return Ok(()),
            Class::Unsafe => return self.unsafe_name(),
            Class::Authorization if self.policy.authorization == Authorization::Drop => {
                return Ok(());
            }
            Class::ContentType => {
                let first = values().next().unwrap_or_default();
                return self.var(b"CONTENT_TYPE", first);
            }
            Class::Cookie => b"; ",
            Class::Variable | Class::Authorization => b", ",
        };
        if self
            .vars
            .iter()
            .any(|(var, _)| fields::is_variable_of(var, name))
        {
            return Ok(());
        }
        let mut length = 0;
        for value in values() {
            length += value.len() + separator.len();
        }
        let length = length.saturating_sub(separator.len());
        self.sink
            .push_with(PREFIX.len() + name.len(), length, |variable, joined| {
                fields::write_variable(name, variable);
                join(joined, values(), separator);
            })
            .map_err(EnvError::Sink)
    }

    const fn unsafe_name(&self) -> Result<(), EnvError<S::Error>> {
        match self.policy.unsafe_names {
            UnsafeNames::Drop => Ok(()),
            UnsafeNames::Reject => Err(EnvError::UnsafeName),
        }
    }

    /// Writes one more variable, unless the host's own have one of this name.
    ///
    /// # Errors
    ///
    /// [`EnvError::Sink`].
    pub fn var(&mut self, name: &[u8], value: &[u8]) -> Result<(), EnvError<S::Error>> {
        if self.is_replaced(name) {
            return Ok(());
        }
        self.sink.push(name, value).map_err(EnvError::Sink)
    }

    /// Writes the variables of the host.
    ///
    /// # Errors
    ///
    /// [`EnvError::Sink`].
    pub fn finish(self) -> Result<(), EnvError<S::Error>> {
        for (name, value) in self.vars {
            self.sink.push(name, value).map_err(EnvError::Sink)?;
        }
        Ok(())
    }

    /// One variable of two parts.
    fn concat(&mut self, name: &[u8], front: &[u8], back: &[u8]) -> Result<(), EnvError<S::Error>> {
        if self.is_replaced(name) {
            return Ok(());
        }
        self.sink
            .push_with(name.len(), front.len() + back.len(), |target, value| {
                target.copy_from_slice(name);
                let (first, second) = value.split_at_mut(front.len());
                first.copy_from_slice(front);
                second.copy_from_slice(back);
            })
            .map_err(EnvError::Sink)
    }

    fn is_replaced(&self, name: &[u8]) -> bool {
        self.vars.iter().any(|(var, _)| *var == name)
    }
}

/// Fills `target` with `values`, `separator` between them.
fn join<'v>(mut target: &mut [u8], values: impl Iterator<Item = &'v [u8]>, separator: &[u8]) {
    for (at, value) in values.enumerate() {
        let separator = if at == 0 { &[] } else { separator };
        let (gap, rest) = target.split_at_mut(separator.len());
        gap.copy_from_slice(separator);
        let (room, rest) = rest.split_at_mut(value.len());
        room.copy_from_slice(value);
        target = rest;
    }
}

/// `example.org:8080` and `[::1]:8080` without their ports.
fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|&byte| byte == b':') {
        Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) => &host[..colon],
        _ => host,
    }
}

fn ip(address: SocketAddr) -> Text {
    Text::of_ip(address.ip().to_canonical())
}
