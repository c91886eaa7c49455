//! php-fpm with one pool.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::unistd::Uid;

#[track_caller]
pub(super) fn command(program: &Path, folder: &Path, listen: &str, extra: &str) -> Command {
    let owner = if Uid::effective().is_root() {
        "user = root\ngroup = root\n"
    } else {
        ""
    };
    let text = format!(
        "[global]\nerror_log = /proc/self/fd/2\ndaemonize = no\n\
         [www]\nlisten = {listen}\n{owner}pm = static\npm.max_children = 2\n\
         catch_workers_output = no\n{extra}\n"
    );
    let conf = folder.join("fpm.conf");
    fs::write(&conf, text).expect("the peer's folder is writable");
    let mut command = Command::new(program);
    command.args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"]);
    command.arg(&conf);
    command
}
