//! `php-cgi -b`.

use std::process::Command;

use crate::tool;

#[track_caller]
pub(super) fn command(listen: &str, children: u32) -> Command {
    let mut command = Command::new(tool("php-cgi", "php-cgi"));
    command
        .arg("-b")
        .arg(listen)
        .env("PHP_FCGI_CHILDREN", children.to_string())
        // It would otherwise leave after 500 requests.
        .env("PHP_FCGI_MAX_REQUESTS", "1000000000");
    command
}
