//! h2o with its FastCGI handler in front of php-fpm.

use std::process::Command;

use peers::Peer;

use super::{Contender, FpmPool, PhpFpm, Setup, program, write};

pub(super) fn start(setup: &Setup<'_>) -> Result<Contender, String> {
    let h2o = program("h2o", "h2o")?;
    let php = PhpFpm::start(FpmPool::fixed(setup.workers))?;
    let folder = Peer::folder();
    let port = peers::free_port();
    let user = if nix::unistd::geteuid().is_root() {
        "user: root\n"
    } else {
        ""
    };
    let text = format!(
        "{user}pid-file: {0}/pid\nerror-log: {0}/error.log\n\
         http1-request-timeout: 60\n\
         hosts:\n  default:\n    listen:\n      host: 127.0.0.1\n      port: {port}\n\
         \x20   paths:\n      /:\n        file.dir: {1}\n        file.custom-handler:\n\
         \x20         extension: .php\n          fastcgi.connect:\n            port: {2}\n            type: unix\n",
        folder.path().display(),
        setup.root.display(),
        php.socket(),
    );
    let config = write(folder.path(), "h2o.conf", &text)?;
    let mut command = Command::new(h2o);
    command.arg("-m").arg("worker").arg("-c").arg(config);
    let process = Peer::start(command, folder);
    let workers = php.workers();
    Ok(Contender::new(
        "h2o_fpm",
        port,
        workers,
        vec![process, php.into_process()],
    ))
}
