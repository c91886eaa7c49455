use std::path::Path;
use std::process::Command;

use super::write;
use crate::tool;

pub(super) fn command(folder: &Path, port: u16, application: u16) -> Command {
    let text = format!(
        "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://:{port} {{\n\tbind 127.0.0.1\n\
         \treverse_proxy 127.0.0.1:{application} {{\n\t\ttransport fastcgi\n\t}}\n}}\n"
    );
    let config = write(folder, "Caddyfile", &text);
    let mut command = Command::new(tool("caddy", "caddy"));
    command
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(config);
    command
}
