use std::path::Path;
use std::process::Command;

use super::{as_root, write};
use crate::tool;

pub(super) fn command(folder: &Path, port: u16, application: u16) -> Command {
    let user = as_root("user: root\n");
    let text = format!(
        r#"{user}num-threads: 1
pid-file: {0}/pid
temp-buffer-path: {0}
fastcgi.timeout.keepalive: 10000
hosts:
  default:
    listen:
      host: 127.0.0.1
      port: {port}
    paths:
      /:
        fastcgi.connect:
          host: 127.0.0.1
          port: {application}
          type: tcp
"#,
        folder.display(),
    );
    let config = write(folder, "h2o.conf", &text);
    let mut command = Command::new(tool("h2o", "h2o"));
    command.arg("-m").arg("worker").arg("-c").arg(config);
    command
}
