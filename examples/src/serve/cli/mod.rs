//! The command line.

mod settings;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};
use fpm_pool::http::{Symlinks, TrustedProxy};

use self::values::{Share, parse_share, parse_size, parse_url_path, parse_vhost, symlinks};
use super::log;
use crate::address::Address;
use crate::duration;

const AFTER_HELP: &str = "\
Durations are numbers with a unit: 250ms, 1.5s, 2m. Sizes take K, M or G.

Signals:
  TERM, QUIT, INT  finish the requests that run, then stop; a second one stops at once
  HUP              new workers with fresh settings take over, none of the requests is lost
  USR1             open the access log anew

Exit codes:
  0    stopped as asked
  1    the server failed while it ran
  2    the command line is wrong
  3    a document root is missing
  4    the address cannot be listened on
  5    php-cgi is missing
  6    the workers do not start
  7    a configuration, certificate or key file cannot be used
  8    a log file cannot be opened
  9    the store of the sessions cannot be opened
  130  stopped at once by a second signal";

/// Serves a PHP site: static files itself, scripts through worker processes
/// that it starts, sizes, watches and feeds.
#[derive(Debug, Parser)]
#[command(name = "serve", version, after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// The document root; the bundled sample site when left out
    root: Option<PathBuf>,

    /// Address to listen on: host:port or unix:PATH; may be repeated
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: Vec<Address>,

    /// Script below the root that gets every path which is no file
    #[arg(long, value_name = "FILE")]
    front_controller: Option<String>,

    /// Another document root for a host name; may be repeated
    #[arg(long, value_name = "NAME=ROOT", value_parser = parse_vhost)]
    vhost: Vec<(String, PathBuf)>,

    /// Answer 404 for this path and all below it; may be repeated
    #[arg(long, value_name = "PATH")]
    deny: Vec<String>,

    /// Symbolic links out of a document root that are followed
    #[arg(long, default_value = "owned", value_parser = symlinks())]
    symlinks: Symlinks,

    #[command(flatten)]
    php: PhpOptions,

    #[command(flatten)]
    http: HttpOptions,

    #[command(flatten)]
    report: ReportOptions,
}

/// Where scripts run.
#[derive(Args, Debug)]
#[command(next_help_heading = "PHP")]
struct PhpOptions {
    /// php-fpm configuration file with the settings of the workers
    #[arg(long, value_name = "FPM.CONF", conflicts_with = "upstream")]
    config: Option<PathBuf>,

    /// Pool of the configuration file; its first one when left out
    #[arg(long, value_name = "NAME", requires = "config")]
    pool: Option<String>,

    /// FastCGI server that already runs, host:port or unix:PATH, instead of
    /// workers of our own; may be repeated
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["php", "workers"])]
    upstream: Vec<Address>,

    /// The php-cgi program, or another FastCGI program
    #[arg(long, value_name = "PATH")]
    php: Option<PathBuf>,

    /// PHP setting of the workers; may be repeated
    #[arg(
        short = 'd',
        long = "define",
        value_name = "NAME=VALUE",
        conflicts_with = "upstream"
    )]
    define: Vec<String>,

    /// Keep PHP's sessions in this store: memory:, redb:PATH, redis://HOST,
    /// memcached://HOST, postgres://…, mysql://…, sqlite:PATH, files:PATH
    #[arg(long, value_name = "URL", conflicts_with = "upstream")]
    sessions: Option<String>,

    /// Worker processes [default: two for each processor, at least 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    workers: Option<u32>,

    /// Requests that may wait for a worker; more are answered with 503
    /// [default: 1024]
    #[arg(long, value_name = "N")]
    queue: Option<usize>,

    /// How long a request may wait for a worker, then 503 [default: 30s]
    #[arg(long, value_name = "DUR", value_parser = duration::parse)]
    queue_timeout: Option<Duration>,

    /// How long a script may run, then it is killed and answered with 504;
    /// 0 for no limit [default: 0, or that of the configuration file]
    #[arg(long, value_name = "DUR", value_parser = duration::parse)]
    request_timeout: Option<Duration>,

    /// Requests with the same value of this cookie run one at a time, so
    /// that PHP's session lock blocks no workers
    #[arg(long, value_name = "NAME")]
    exclusive_cookie: Option<String>,

    /// The most workers that requests of one session may have at a time: a
    /// share, a number, or off. The others of the session wait, so that its
    /// lock does not hold all workers
    #[arg(long, value_name = "SHARE", default_value = "50%", value_parser = parse_share)]
    session_share: Share,

    /// Cookie that names a session, with * at one end for anything; may be
    /// repeated [default: PHPSESSID and those of common applications]
    #[arg(long, value_name = "NAME")]
    session_cookie: Vec<String>,

    /// Folder below which a script may hand over files with X-Sendfile or
    /// X-Accel-Redirect; may be repeated
    #[arg(long, value_name = "DIR")]
    sendfile_root: Vec<PathBuf>,
}

/// How clients are served.
#[derive(Args, Debug)]
#[command(next_help_heading = "HTTP")]
struct HttpOptions {
    /// Threads that serve connections [default: one for two processors, as
    /// the workers need the others]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Certificate chain in PEM form: serve HTTPS alone
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key in PEM form
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Proxy whose X-Forwarded-* and Forwarded fields are believed: an
    /// address, a network, or `unix`; may be repeated
    #[arg(long, value_name = "ADDR")]
    trusted_proxy: Vec<TrustedProxy>,

    /// Longest request body
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = parse_size)]
    max_body: u64,

    /// Give uploads of more than 64 KiB to the script as they come; a slow
    /// client then holds a worker. Otherwise they are kept on disk until they
    /// are whole
    #[arg(long)]
    stream_uploads: bool,

    /// How long a client may take for the head of a request, and how long a
    /// connection may be idle
    #[arg(long, value_name = "DUR", default_value = "15s", value_parser = duration::parse)]
    header_timeout: Duration,

    /// How long a client may send nothing of a request body, then 408
    #[arg(long, value_name = "DUR", default_value = "30s", value_parser = duration::parse)]
    body_timeout: Duration,

    /// How long a client may take nothing of an answer
    #[arg(long, value_name = "DUR", default_value = "60s", value_parser = duration::parse)]
    send_timeout: Duration,

    /// How long requests may go on after a stop signal
    #[arg(long, value_name = "DUR", default_value = "30s", value_parser = duration::parse)]
    grace: Duration,
}

/// What the operator sees.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reports")]
struct ReportOptions {
    /// Path of the status page: HTML, ?json, ?openmetrics; none by default
    #[arg(long, value_name = "PATH", value_parser = parse_url_path)]
    status_path: Option<String>,

    /// File of the access log, or - for stdout; none by default
    #[arg(long, value_name = "FILE|-")]
    access_log: Option<log::Target>,

    /// Format of the access log
    #[arg(long, value_enum, default_value_t)]
    access_log_format: log::Format,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn contract_of_the_command_line_holds() {
        let options = Options::try_parse_from([
            "serve",
            "/srv/www",
            "--listen",
            "unix:/run/s",
            "--front-controller",
            "index.php",
            "--php",
            "/usr/bin/php-cgi",
            "--workers",
            "4",
            "--queue",
            "10",
            "--queue-timeout",
            "500ms",
            "--request-timeout",
            "2s",
            "--status-path",
            "/status",
            "--access-log",
            "-",
            "--exclusive-cookie",
            "PHPSESSID",
        ])
        .unwrap();
        let settings = options.settings();
        assert_eq!(settings.php.workers, Some(4));
        assert_eq!(settings.php.queue_timeout, Some(Duration::from_millis(500)));
        assert_eq!(settings.report.access_log, Some(log::Target::Stdout));
        assert_eq!(settings.sites.symlinks, Symlinks::Owned);
        for wrong in [
            &["serve", "--pool", "www"][..],
            &["serve", "--tls-cert", "c.pem"],
            &["serve", "--upstream", "127.0.0.1:9000", "--workers", "2"],
            &["serve", "--workers", "0"],
            &["serve", "--status-path", "status"],
        ] {
            assert!(Options::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
