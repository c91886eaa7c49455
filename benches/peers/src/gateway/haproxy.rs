use std::path::Path;
use std::process::Command;

use super::write;
use crate::tool;

/// `options` are further lines of the section `fcgi-app`.
pub(super) fn command(folder: &Path, port: u16, application: u16, options: &str) -> Command {
    let text = format!(
        r"global
    log stderr local0
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend http
    bind 127.0.0.1:{port}
    default_backend application
backend application
    use-fcgi-app application
    http-reuse always
    server one 127.0.0.1:{application} proto fcgi
fcgi-app application
    docroot /srv
    option keep-conn
{options}"
    );
    let config = write(folder, "haproxy.cfg", &text);
    let mut command = Command::new(tool("haproxy", "haproxy"));
    command.arg("-db").arg("-f").arg(config);
    command
}
