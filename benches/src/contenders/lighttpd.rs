//! lighttpd with mod_fastcgi in front of php-fpm.

use std::process::Command;

use peers::Peer;

use super::{Contender, FpmPool, PhpFpm, Setup, program, write};

pub(super) fn start(setup: &Setup<'_>) -> Result<Contender, String> {
    let lighttpd = program("lighttpd", "lighttpd")?;
    let php = PhpFpm::start(FpmPool::fixed(setup.workers))?;
    let folder = Peer::folder();
    let port = peers::free_port();
    let text = format!(
        "server.modules = (\"mod_fastcgi\")\nserver.document-root = \"{}\"\n\
         server.bind = \"127.0.0.1\"\nserver.port = {port}\nserver.listen-backlog = 4096\n\
         server.errorlog = \"{}/error.log\"\nserver.max-keep-alive-requests = 65535\n\
         server.max-keep-alive-idle = 60\nserver.upload-dirs = (\"{}\")\n\
         server.network-backend = \"sendfile\"\nserver.max-fds = 8192\n\
         server.stream-response-body = 1\n\
         fastcgi.server = (\".php\" => ((\"socket\" => \"{}\")))\n",
        setup.root.display(),
        folder.path().display(),
        folder.path().display(),
        php.socket(),
    );
    let config = write(folder.path(), "lighttpd.conf", &text)?;
    let mut command = Command::new(lighttpd);
    command.arg("-D").arg("-f").arg(config);
    let process = Peer::start(command, folder);
    let workers = php.workers();
    Ok(Contender::new(
        "lighttpd_fpm",
        port,
        workers,
        vec![process, php.into_process()],
    ))
}
