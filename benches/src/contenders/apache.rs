//! Apache: PHP inside its own processes (mod_php, prefork), and mod_proxy_fcgi
//! in front of php-fpm (event).

use std::path::{Path, PathBuf};
use std::process::Command;

use peers::{Peer, Version};

use super::{Contender, FpmPool, PhpFpm, Setup, program, write};

const MODULES: &str = "/usr/lib/apache2/modules";

/// Modules that both variants load.
const COMMON: &[(&str, &str)] = &[
    ("authz_core_module", "mod_authz_core.so"),
    ("dir_module", "mod_dir.so"),
    ("mime_module", "mod_mime.so"),
];

/// PHP in Apache's own processes; as many as there can be connections, since
/// prefork serves one connection per process, and all from the start: prefork
/// would only ever start a few more per second.
///
/// # Errors
///
/// When Apache or its PHP module is not installed.
pub fn start_mod_php(setup: &Setup<'_>) -> Result<Contender, String> {
    let module = php_module().ok_or(
        "mod_php is not installed: apt-get install --no-install-recommends libapache2-mod-php",
    )?;
    let processes = setup.connections.max(setup.workers);
    let text = format!(
        "LoadModule mpm_prefork_module {MODULES}/mod_mpm_prefork.so\n\
         LoadModule php_module {}\n\
         StartServers {processes}\nMinSpareServers 1\nMaxSpareServers {processes}\n\
         ServerLimit {processes}\nMaxRequestWorkers {processes}\nMaxConnectionsPerChild 0\n\
         PHPIniDir {}\n<FilesMatch \\.php$>\nSetHandler application/x-httpd-php\n</FilesMatch>\n",
        module.display(),
        ini_folder(&module).display(),
    );
    start("mod_php", setup, COMMON, &text, processes, None)
}

/// mod_proxy_fcgi with `enablereuse` off, as its manual warns it must be when
/// connections outnumber php-fpm's workers.
pub(super) fn start_fpm(setup: &Setup<'_>) -> Result<Contender, String> {
    let php = PhpFpm::start(FpmPool::fixed(setup.workers))?;
    let modules = [
        COMMON,
        &[
            ("mpm_event_module", "mod_mpm_event.so"),
            ("proxy_module", "mod_proxy.so"),
            ("proxy_fcgi_module", "mod_proxy_fcgi.so"),
        ],
    ]
    .concat();
    let text = format!(
        "ServerLimit 4\nThreadsPerChild 64\nMaxRequestWorkers 256\n\
         <FilesMatch \\.php$>\nSetHandler \"proxy:unix:{}|fcgi://localhost\"\n</FilesMatch>\n",
        php.socket()
    );
    let (workers, php) = (php.workers(), Some(php.into_process()));
    start("apache_fpm", setup, &modules, &text, workers, php)
}

fn start(
    name: &'static str,
    setup: &Setup<'_>,
    modules: &[(&str, &str)],
    more: &str,
    workers: usize,
    php: Option<Peer>,
) -> Result<Contender, String> {
    let apache = program("apache2", "apache2")?;
    let folder = Peer::folder();
    let port = peers::free_port();
    let text = config(folder.path(), setup, port, modules, more);
    let config = write(folder.path(), "apache.conf", &text)?;
    let mut command = Command::new(apache);
    command.arg("-DFOREGROUND").arg("-f").arg(config);
    let mut processes = vec![Peer::start(command, folder)];
    processes.extend(php);
    Ok(Contender::new(name, port, workers, processes))
}

fn config(
    folder: &Path,
    setup: &Setup<'_>,
    port: u16,
    modules: &[(&str, &str)],
    more: &str,
) -> String {
    let modules: String = modules
        .iter()
        .map(|(name, file)| format!("LoadModule {name} {MODULES}/{file}\n"))
        .collect();
    let (folder, root) = (folder.display(), setup.root.display());
    format!(
        "ServerRoot {folder}\nServerName localhost\nPidFile {folder}/pid\n\
         ErrorLog {folder}/error.log\nLogLevel crit\nListen 127.0.0.1:{port}\nListenBacklog 4096\n\
         User www-data\nGroup www-data\n\
         {modules}{more}\
         KeepAlive On\nMaxKeepAliveRequests 0\nKeepAliveTimeout 60\nHostnameLookups Off\n\
         EnableSendfile On\nTypesConfig /etc/mime.types\nDocumentRoot {root}\n\
         <Directory {root}>\nAllowOverride None\nOptions FollowSymLinks\nRequire all granted\n\
         </Directory>\n"
    )
}

fn php_module() -> Option<PathBuf> {
    let files = std::fs::read_dir(MODULES).ok()?;
    files
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| Some((version_of(&path)?.parse::<Version>().ok()?, path)))
        .max_by_key(|(version, _)| *version)
        .map(|(_, path)| path)
}

/// The 8.2 of `libphp8.2.so`.
fn version_of(module: &Path) -> Option<&str> {
    let name = module.file_name()?.to_str()?;
    name.strip_prefix("libphp")?.strip_suffix(".so")
}

/// Debian's settings for the version of the module.
fn ini_folder(module: &Path) -> PathBuf {
    let version = version_of(module).unwrap_or_default();
    PathBuf::from(format!("/etc/php/{version}/apache2"))
}
