//! The params that php-fpm and php-cgi need for a script.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use fastcgi_proto::cgi::{
    ConnInfo, EnvError, EnvPolicy, EnvWriter, Files, ParamSink, RequestLine, Script,
};

use super::Failure;
use super::args::{Get, Param};

const SOFTWARE: &str = concat!("fcgi/", env!("CARGO_PKG_VERSION"));

/// What describes a request for a script.
#[derive(Debug)]
pub(super) struct Environment {
    method: String,
    script: PathBuf,
    /// `SCRIPT_NAME`: the script as if its folder were the document root.
    name: Vec<u8>,
    uri: Vec<u8>,
    params: Vec<Param>,
}

impl Environment {
    pub(super) fn new(get: &Get) -> Result<Self, Failure> {
        let script = std::path::absolute(&get.script).map_err(Failure::Script)?;
        let mut name = vec![b'/'];
        name.extend_from_slice(script.file_name().unwrap_or_default().as_bytes());
        let params = last_of_each(&get.params);
        let set = |name: &[u8]| params.iter().find(|param| param.name == name);
        let mut uri = set(b"SCRIPT_NAME").map_or_else(|| name.clone(), |param| param.value.clone());
        if let Some(query) = set(b"QUERY_STRING") {
            uri.push(b'?');
            uri.extend_from_slice(&query.value);
        }
        Ok(Self {
            method: get.method().to_owned(),
            script,
            name,
            uri,
            params,
        })
    }

    /// Writes the params; `length` is that of the body, if there is one.
    pub(super) fn write<S: ParamSink>(
        &self,
        sink: &mut S,
        length: Option<u64>,
    ) -> Result<(), EnvError<S::Error>> {
        let vars: Vec<(&[u8], &[u8])> = self
            .params
            .iter()
            .map(|param| (&param.name[..], &param.value[..]))
            .collect();
        let policy = EnvPolicy::default();
        let mut env = EnvWriter::new(sink, &policy).with_vars(&vars);
        let line = RequestLine::new(self.method.as_bytes(), &self.uri);
        let mut conn = ConnInfo::new(SOFTWARE.as_bytes());
        conn.local = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 80)));
        conn.remote = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        env.request(&line, &conn, Some(b"localhost"), length)?;
        let root = self.script.parent().unwrap_or_else(|| Path::new("/"));
        let script = self.script.as_os_str().as_bytes();
        let files = Files::new(root.as_os_str().as_bytes(), script);
        env.script(&Script::new(&self.name), &files)?;
        env.fields(&[(b"Host", b"localhost")])?;
        env.finish()
    }
}

/// The params without those that a later one of the same name replaces.
fn last_of_each(params: &[Param]) -> Vec<Param> {
    params
        .iter()
        .enumerate()
        .filter(|(at, param)| {
            !params[at + 1..]
                .iter()
                .any(|later| later.name == param.name)
        })
        .map(|(_, param)| param.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fcgi::args::{Args, Command};
    use clap::Parser;

    fn params(more: &[&str], length: Option<u64>) -> Vec<(String, String)> {
        let base = ["fcgi", "get", "--connect", "h:1", "--script", "/srv/a.php"];
        let Command::Get(get) = Args::parse_from(base.iter().chain(more)).command;
        let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let environment = Environment::new(&get).unwrap();
        environment.write(&mut pairs, length).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        pairs.into_iter().map(|(n, v)| (text(n), text(v))).collect()
    }

    #[track_caller]
    fn assert_one(pairs: &[(String, String)], name: &str, value: &str) {
        let values = pairs.iter().filter(|(n, _)| n == name);
        let values: Vec<&str> = values.map(|(_, v)| &v[..]).collect();
        assert_eq!(values, [value], "{name}");
    }

    #[test]
    fn php_gets_what_it_needs() {
        let pairs = params(&[], Some(3));
        for (name, value) in [
            ("SCRIPT_FILENAME", "/srv/a.php"),
            ("DOCUMENT_ROOT", "/srv"),
            ("SCRIPT_NAME", "/a.php"),
            ("REQUEST_URI", "/a.php"),
            ("REDIRECT_STATUS", "200"),
            ("REQUEST_METHOD", "GET"),
            ("QUERY_STRING", ""),
            ("CONTENT_LENGTH", "3"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("SERVER_NAME", "localhost"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("HTTP_HOST", "localhost"),
        ] {
            assert_one(&pairs, name, value);
        }
    }

    #[test]
    fn params_replace_and_the_last_counts() {
        let more = [
            "--param",
            "QUERY_STRING=a=1",
            "--param",
            "REDIRECT_STATUS=",
            "--param",
            "X=1",
            "--param",
            "X=2",
        ];
        let pairs = params(&more, None);
        assert_one(&pairs, "QUERY_STRING", "a=1");
        assert_one(&pairs, "REQUEST_URI", "/a.php?a=1");
        assert_one(&pairs, "REDIRECT_STATUS", "");
        assert_one(&pairs, "X", "2");
    }
}
