use std::path::Path;
use std::process::Command;

use super::{as_root, write};
use crate::tool;

pub(super) fn command(folder: &Path, port: u16, application: u16) -> Command {
    let user = as_root("user root;\n");
    let folder_name = folder.display();
    let text = format!(
        r"{user}daemon off;
worker_processes 1;
pid {folder_name}/pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder_name}/body;
    fastcgi_temp_path {folder_name}/fastcgi;
    proxy_temp_path {folder_name}/proxy;
    uwsgi_temp_path {folder_name}/uwsgi;
    scgi_temp_path {folder_name}/scgi;
    client_max_body_size 0;
    client_header_buffer_size 64k;
    large_client_header_buffers 16 64k;
    upstream application {{ server 127.0.0.1:{application}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            fastcgi_pass application;
            fastcgi_keep_conn on;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param GATEWAY_INTERFACE CGI/1.1;
            fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param SERVER_PORT $server_port;
            fastcgi_param SERVER_NAME $server_name;
        }}
    }}
}}
"
    );
    let config = write(folder, "nginx.conf", &text);
    let mut command = Command::new(tool("nginx", "nginx-light"));
    command
        .args(["-e", "stderr", "-p"])
        .arg(folder)
        .arg("-c")
        .arg(config);
    command
}
