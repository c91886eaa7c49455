//! caddy with `php_fastcgi` in front of php-fpm.

use std::process::Command;

use peers::Peer;

use super::{Contender, FpmPool, PhpFpm, Setup, program, write};

pub(super) fn start(setup: &Setup<'_>) -> Result<Contender, String> {
    let caddy = program("caddy", "caddy")?;
    let php = PhpFpm::start(FpmPool::fixed(setup.workers))?;
    let folder = Peer::folder();
    let port = peers::free_port();
    let text = format!(
        "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://:{port} {{\n\
         \tbind 127.0.0.1\n\troot * {}\n\tphp_fastcgi unix/{}\n\tfile_server\n}}\n",
        setup.root.display(),
        php.socket(),
    );
    let config = write(folder.path(), "Caddyfile", &text)?;
    let mut command = Command::new(caddy);
    command
        .env("HOME", folder.path())
        .env("XDG_DATA_HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path())
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(config);
    let process = Peer::start(command, folder);
    let workers = php.workers();
    Ok(Contender::new(
        "caddy_fpm",
        port,
        workers,
        vec![process, php.into_process()],
    ))
}
