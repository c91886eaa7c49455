//! nginx in front of php-fpm: a connection per request (its default), and
//! with kept connections.

use std::path::Path;
use std::process::Command;

use peers::Peer;

use super::{Contender, FpmPool, PhpFpm, Setup, program, write};

/// nginx as its manual has it for php-fpm: a FastCGI connection per request.
pub(super) fn start(setup: &Setup<'_>) -> Result<Contender, String> {
    let php = PhpFpm::start(FpmPool::fixed(setup.workers))?;
    with_php("nginx_fpm", setup, php, None)
}

/// With `keepalive` and as many workers as there can be connections: with
/// fewer, kept connections pin the workers and others starve. Each of nginx's
/// processes keeps its own.
pub(super) fn start_keepalive(setup: &Setup<'_>) -> Result<Contender, String> {
    let processes = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = (setup.connections * processes).max(setup.workers);
    let php = PhpFpm::start(FpmPool::fixed(workers))?;
    with_php("nginx_fpm_keepalive", setup, php, Some(setup.connections))
}

/// nginx in front of a php-fpm that runs already; `keepalive` is the number
/// of connections it keeps open to it.
///
/// # Errors
///
/// When nginx is not installed.
pub fn with_php(
    name: &'static str,
    setup: &Setup<'_>,
    php: PhpFpm,
    keepalive: Option<usize>,
) -> Result<Contender, String> {
    let nginx = program("nginx", "nginx-light")?;
    let folder = Peer::folder();
    let port = peers::free_port();
    let text = config(folder.path(), setup, &php, port, keepalive);
    let config = write(folder.path(), "nginx.conf", &text)?;
    let mut command = Command::new(nginx);
    command.arg("-p").arg(folder.path()).arg("-c").arg(config);
    let process = Peer::start(command, folder);
    let workers = php.workers();
    Ok(Contender::new(
        name,
        port,
        workers,
        vec![process, php.into_process()],
    ))
}

fn config(
    folder: &Path,
    setup: &Setup<'_>,
    php: &PhpFpm,
    port: u16,
    keepalive: Option<usize>,
) -> String {
    let user = if nix::unistd::geteuid().is_root() {
        "user root;\n"
    } else {
        ""
    };
    let (kept, keep) = match keepalive {
        Some(connections) => (
            format!("keepalive {connections}; keepalive_requests 1000000000;"),
            "fastcgi_keep_conn on;",
        ),
        None => (String::new(), ""),
    };
    let (folder, root, socket) = (folder.display(), setup.root.display(), php.socket());
    format!(
        r#"{user}daemon off;
worker_processes auto;
worker_rlimit_nofile 8192;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; multi_accept on; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    open_file_cache max=1000;
    client_body_temp_path {folder}/body;
    fastcgi_temp_path {folder}/fastcgi;
    proxy_temp_path {folder}/proxy;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_body_buffer_size 128k;
    fastcgi_buffers 16 16k;
    upstream php {{ server unix:{socket}; {kept} }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {root};
        location ~ \.php$ {{
            fastcgi_pass php;
            {keep}
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param DOCUMENT_URI $document_uri;
            fastcgi_param DOCUMENT_ROOT $document_root;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param REQUEST_SCHEME $scheme;
            fastcgi_param GATEWAY_INTERFACE CGI/1.1;
            fastcgi_param SERVER_SOFTWARE nginx/$nginx_version;
            fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param REMOTE_PORT $remote_port;
            fastcgi_param SERVER_ADDR $server_addr;
            fastcgi_param SERVER_PORT $server_port;
            fastcgi_param SERVER_NAME $server_name;
            fastcgi_param REDIRECT_STATUS 200;
        }}
    }}
}}
"#
    )
}
