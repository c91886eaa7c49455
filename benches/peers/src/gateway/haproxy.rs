use std::path::Path;
use std::process::Command;

use super::write;
use crate::tool;

pub(super) fn command(folder: &Path, port: u16, application: u16) -> Command {
    let text = format!(
        r"global
    log stderr local0
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
"
    );
    let config = write(folder, "haproxy.cfg", &text);
    let mut command = Command::new(tool("haproxy", "haproxy"));
    command.arg("-db").arg("-f").arg(config);
    command
}
