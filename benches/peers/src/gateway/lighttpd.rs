use std::path::Path;
use std::process::Command;

use super::write;
use crate::tool;

/// `server` and `app` are further settings of the server and the application.
pub(super) fn command(
    folder: &Path,
    port: u16,
    application: u16,
    [server, app]: [&str; 2],
) -> Command {
    let folder_name = folder.display();
    let text = format!(
        r#"server.modules = ("mod_fastcgi")
server.document-root = "{folder_name}"
server.bind = "127.0.0.1"
server.port = {port}
server.upload-dirs = ("{folder_name}")
server.max-request-size = 0
server.max-request-field-size = 131072
{server}fastcgi.server = ("" => ((
    "host" => "127.0.0.1", "port" => {application}, "check-local" => "disable"{app}
)))
"#
    );
    let config = write(folder, "lighttpd.conf", &text);
    let mut command = Command::new(tool("lighttpd", "lighttpd"));
    command.arg("-D").arg("-f").arg(config);
    command
}
