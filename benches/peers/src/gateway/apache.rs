use std::path::Path;
use std::process::Command;

use super::write;
use crate::tool;

const MODULES: &str = "/usr/lib/apache2/modules";

pub(super) fn command(folder: &Path, port: u16, application: u16) -> Command {
    let folder_name = folder.display();
    let text = format!(
        r#"LoadModule mpm_event_module {MODULES}/mod_mpm_event.so
LoadModule authz_core_module {MODULES}/mod_authz_core.so
LoadModule proxy_module {MODULES}/mod_proxy.so
LoadModule proxy_fcgi_module {MODULES}/mod_proxy_fcgi.so
User www-data
Group www-data
ServerRoot {folder_name}
ServerName localhost
PidFile {folder_name}/pid
DefaultRuntimeDir {folder_name}
ErrorLog {folder_name}/error.log
Listen 127.0.0.1:{port}
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
LimitRequestLine 131072
LimitRequestFieldSize 131072
ProxyPass "/" "fcgi://127.0.0.1:{application}/" enablereuse=on
"#
    );
    let config = write(folder, "apache.conf", &text);
    let mut command = Command::new(tool("apache2", "apache2"));
    command.arg("-DFOREGROUND").arg("-f").arg(config);
    command
}
