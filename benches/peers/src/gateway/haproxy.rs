use std::path::Path;
use std::process::Command;

use super::write;
use crate::tool;

pub(super) fn command(folder: &Path, port: u16, application: u16) -> Command {
    let text = format!(
        "global\n    log stderr local0\n    tune.bufsize 131072\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    \
         timeout server 60s\n    option http-buffer-request\n\
         frontend http\n    bind 127.0.0.1:{port}\n    default_backend application\n\
         backend application\n    use-fcgi-app application\n    http-reuse always\n    \
         server one 127.0.0.1:{application} proto fcgi\n\
         fcgi-app application\n    docroot /srv\n    option keep-conn\n"
    );
    let config = write(folder, "haproxy.cfg", &text);
    let mut command = Command::new(tool("haproxy", "haproxy"));
    command.arg("-db").arg("-f").arg(config);
    command
}
