//! Web servers that pass every request on to a FastCGI application.

mod apache;
mod caddy;
mod h2o;
mod haproxy;
mod lighttpd;
mod nginx;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Peer, free_port, wait_for_port};

/// A web server that passes every request on to the FastCGI application on a
/// port of 127.0.0.1, keeps connections to it where it can, and takes heads
/// and bodies as large as it can.
#[derive(Debug)]
pub struct Gateway {
    /// The server's process.
    pub peer: Peer,
    /// Its HTTP port on 127.0.0.1.
    pub port: u16,
}

impl Gateway {
    /// nginx; reads a request whole before it contacts the application.
    #[track_caller]
    #[must_use]
    pub fn nginx(application: u16) -> Self {
        Self::start(|folder, port| nginx::command(folder, port, application))
    }

    /// lighttpd with mod_fastcgi.
    #[track_caller]
    #[must_use]
    pub fn lighttpd(application: u16) -> Self {
        Self::start(|folder, port| lighttpd::command(folder, port, application, ["", ""]))
    }

    /// lighttpd, which passes answers on as they come
    /// (`server.stream-response-body`) instead of whole.
    #[track_caller]
    #[must_use]
    pub fn lighttpd_streaming(application: u16) -> Self {
        let options = ["server.stream-response-body = 2\n", ""];
        Self::start(|folder, port| lighttpd::command(folder, port, application, options))
    }

    /// lighttpd, which asks the application as an Authorizer and then serves
    /// the files of [`peer`](Self::peer)'s folder.
    #[track_caller]
    #[must_use]
    pub fn lighttpd_authorizer(application: u16) -> Self {
        Self::start(|folder, port| {
            let options = format!(
                r#", "mode" => "authorizer", "docroot" => "{}""#,
                folder.display()
            );
            lighttpd::command(folder, port, application, ["", &options])
        })
    }

    /// Apache with mod_proxy_fcgi.
    #[track_caller]
    #[must_use]
    pub fn apache(application: u16) -> Self {
        Self::start(|folder, port| apache::command(folder, port, application))
    }

    /// caddy's FastCGI transport.
    #[track_caller]
    #[must_use]
    pub fn caddy(application: u16) -> Self {
        Self::start(|folder, port| caddy::command(folder, port, application))
    }

    /// h2o's FastCGI handler.
    #[track_caller]
    #[must_use]
    pub fn h2o(application: u16) -> Self {
        Self::start(|folder, port| h2o::command(folder, port, application))
    }

    /// HAProxy with `proto fcgi`.
    #[track_caller]
    #[must_use]
    pub fn haproxy(application: u16) -> Self {
        Self::start(|folder, port| haproxy::command(folder, port, application, ""))
    }

    /// HAProxy, which asks the application for its limits and sends it
    /// several requests at once on one connection.
    #[track_caller]
    #[must_use]
    pub fn haproxy_multiplexing(application: u16) -> Self {
        let options = "    option get-values\n    option mpxs-conns\n    option max-reqs 16\n";
        Self::start(|folder, port| haproxy::command(folder, port, application, options))
    }

    #[track_caller]
    fn start(command: impl FnOnce(&Path, u16) -> Command) -> Self {
        let folder = Peer::folder();
        let port = free_port();
        let command = command(folder.path(), port);
        let peer = Peer::start(command, folder);
        wait_for_port(port);
        Self { peer, port }
    }
}

/// Writes a configuration file into a peer's folder.
#[track_caller]
fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("the peer's folder is writable");
    path
}

/// The line that keeps a server's workers root where the tests run as root,
/// so that they can use the peer's private folder.
fn as_root(line: &str) -> &str {
    if nix::unistd::geteuid().is_root() {
        line
    } else {
        ""
    }
}
