//! Lints, fixes and findings that go on where php-fpm stops.

use fpm_config::diagnostic::{Code, LintLevel, Severity};
use fpm_config::edit::fixed_files;
use fpm_config::schema::PhpVersion;
use fpm_config::world::{Account, Group, MemoryWorld, Metadata, World};
use fpm_config::{Config, Options};

const GOOD: &str = "[global]\nerror_log = /var/log/fpm.log\nprocess_control_timeout = 30s\n\
    [www]\nuser = www-data\nlisten = /run/www.sock\npm = static\npm.max_children = 4\n\
    request_terminate_timeout = 60s\n";

fn world(text: &str) -> MemoryWorld {
    let mut world = MemoryWorld::default();
    world.add_user("www-data", Account::new(33, 33));
    world.add_user("root", Account::new(0, 0));
    world.add_group("www-data", Group::new(33));
    world.add_file("/var/log/keep", "");
    world.add_file("/etc/fpm.conf", text);
    world
}

fn load_with(text: &str, options: &Options) -> Config {
    let world = world(text);
    Config::load("/etc/fpm.conf".as_ref(), options, &World::of(&world))
}

fn load(text: &str) -> Config {
    load_with(text, &Options::default())
}

fn codes(config: &Config) -> Vec<Code> {
    config
        .diagnostics()
        .iter()
        .map(|found| found.code)
        .collect()
}

#[track_caller]
fn finds(added: &str, code: Code) {
    let config = load(&format!("{GOOD}{added}"));
    assert_eq!(codes(&config), [code], "{added}");
}

#[test]
fn a_good_configuration_has_no_findings() {
    assert_eq!(codes(&load(GOOD)), []);
}

#[test]
fn each_lint_finds_its_own() {
    finds("listen.mode = 0666\n", Code::OpenSocket);
    finds("listen.mode = 0664\n", Code::OpenSocket);
    finds("listen = 9000\n", Code::OpenListen);
    finds("listen = 0.0.0.0:9000\n", Code::OpenListen);
    finds(
        "[global]\nprocess_control_timeout = 0\n",
        Code::NoControlTimeout,
    );
    finds("request_terminate_timeout = 0\n", Code::NoTerminateTimeout);
    finds("security.limit_extensions =\n", Code::AllExtensions);
    finds("pm.status_path = /status.php\n", Code::PathIsScript);
    finds("ping.path =\n", Code::EmptyPingPath);
    finds("env[A] = 1\nenv[A] = 2\n", Code::FirstWins);
    finds("php_flag[a] = on\nphp_value[a] = 2\n", Code::FirstWins);
    finds("request_terminate_timeout = 1.5s\n", Code::MisreadValue);
    finds("request_terminate_timeout = 5ms\n", Code::MisreadValue);
    finds("pm.max_requests = 0500\n", Code::MisreadValue);
    finds("pm.max_requests = 5|2\n", Code::MisreadValue);
    finds("listen.mode = rw\n", Code::MisreadValue);
    finds("php_value[a] = b|c\n", Code::MisreadValue);
    finds("user = root\n", Code::RootWorkers);
    finds("listen = 127.0.0.1:70000\n", Code::InvalidPort);
}

#[test]
fn addresses_that_mean_the_same_are_found() {
    let other = |listen: &str| {
        format!(
            "listen = 127.0.0.1:9000\n[b]\nuser = www-data\nlisten = {listen}\npm = static\n\
             pm.max_children = 1\nrequest_terminate_timeout = 1\n"
        )
    };
    finds(&other("localhost:9000"), Code::SameListen);
    finds(&other("127.0.0.1:9000"), Code::DuplicateListen);
    let config = load(&format!(
        "{GOOD}{}",
        other("0.0.0.0:9000\nlisten.allowed_clients = 10.0.0.1")
    ));
    assert_eq!(codes(&config), [Code::SameListen]);
}

#[test]
fn logs_where_workers_write_are_found() {
    let mut world = world(&format!("{GOOD}access.log = /srv/www/log/access.log\n"));
    world.add_file("/srv/www/log/keep", "");
    world.set_metadata("/srv/www/log", Metadata::new(true, 0o755, 33, 33));
    let config = Config::load(
        "/etc/fpm.conf".as_ref(),
        &Options::default(),
        &World::of(&world),
    );
    assert_eq!(codes(&config), [Code::WritableLog]);
}

#[test]
fn workers_beyond_the_memory_are_found() {
    let mut options = Options::default();
    options.machine_memory_bytes = Some(1 << 30);
    let text = format!("{GOOD}php_admin_value[memory_limit] = 512M\n");
    let config = load_with(&text, &options);
    assert_eq!(codes(&config), [Code::MemoryOvercommit]);
    options.machine_memory_bytes = Some(2 << 30);
    assert_eq!(codes(&load_with(&text, &options)), []);
}

#[test]
fn one_run_finds_all_errors_with_php_fpms_own_text() {
    let config = load(
        "[global]\nerror_log = /var/log/fpm.log\nlog_limit = 1\nprocess_control_timeout = 5\n[www]\n\
         pm.min_spare_server = 2\nuser = www-data\nlisten = /run/a\npm = dynamik\n\
         pm.max_children = many\nenv[] = x\njunk = = 2\npm.status_path = status\n\
         request_terminate_timeout = 5\n",
    );
    let found: Vec<_> = config
        .diagnostics()
        .iter()
        .map(|d| (d.code, d.severity))
        .collect();
    let wanted = [
        Code::UnknownDirective,
        Code::InvalidValue,
        Code::InvalidValue,
        Code::ArrayKey,
        Code::UnknownDirective,
        Code::SyntaxError,
        Code::LogLimit,
        Code::StatusPath,
    ];
    assert_eq!(found, wanted.map(|code| (code, Severity::Error)));
    assert!(config.diagnostics().iter().all(|d| !d.php_fpm.is_empty()));
    // php-fpm stops at the first.
    let log = config.log();
    let lines: Vec<_> = log
        .iter()
        .map(|line| String::from_utf8_lossy(&line.text))
        .collect();
    assert_eq!(
        lines,
        [
            "[/etc/fpm.conf:6] unknown entry 'pm.min_spare_server'",
            "failed to load configuration file '/etc/fpm.conf'",
            "FPM initialization failed",
        ]
    );
}

#[test]
fn spans_point_at_the_values() {
    let config = load(&format!(
        "{GOOD}pm = dynamic\npm.min_spare_servers = 1\npm.max_spare_servers = 3\npm.start_servers = 7\n"
    ));
    let [error] = config.diagnostics() else {
        panic!("{:?}", config.diagnostics());
    };
    assert_eq!(error.code, Code::StartServersRange);
    let text = |span| String::from_utf8_lossy(config.sources().text(span)).into_owned();
    assert_eq!(text(error.span), "7");
    let labels: Vec<_> = error.labels.iter().map(|label| text(label.span)).collect();
    assert_eq!(labels, ["1", "3"]);
}

#[test]
fn fixes_cure_what_they_are_for() {
    let mut world = world(&format!(
        "{GOOD}pm.max_request = 5 ; often\nclear_env = \"Off\"\nlisten.mode = 0666\n"
    ));
    let options = Options::default();
    for _ in 0..3 {
        let config = Config::load("/etc/fpm.conf".as_ref(), &options, &World::of(&world));
        for (path, bytes) in fixed_files(&config) {
            world.add_file(path, bytes);
        }
    }
    let config = Config::load("/etc/fpm.conf".as_ref(), &options, &World::of(&world));
    assert_eq!(codes(&config), []);
    assert_eq!(config.pools()[0].max_requests.value, Some(5));
    assert!(!config.pools()[0].clear_env.value);
}

#[test]
fn lints_can_be_allowed_and_denied_and_errors_cannot() {
    let mut options = Options::default();
    options.lints.set(Code::OpenListen, LintLevel::Allow);
    options.lints.set(Code::UnknownDirective, LintLevel::Allow);
    options.lints.set(Code::AllExtensions, LintLevel::Deny);
    let text = format!("{GOOD}listen = 9000\nsecurity.limit_extensions =\nno.such = 1\n");
    let config = load_with(&text, &options);
    assert_eq!(
        codes(&config),
        [Code::UnknownDirective, Code::AllExtensions]
    );
    assert!(config.diagnostics()[1].denied && config.diagnostics()[1].fails());
}

#[test]
fn versions_differ() {
    let old = |text: &str, minor| {
        let mut options = Options::default();
        options.php = PhpVersion::new(8, minor);
        load_with(&format!("{GOOD}{text}"), &options)
    };
    assert_eq!(
        codes(&old("pm.max_spawn_rate = 5\n", 0)),
        [Code::NewerDirective]
    );
    assert_eq!(
        codes(&old("access.suppress_path[x] = /x\n", 1)),
        [Code::NewerDirective]
    );
    assert_eq!(codes(&old("pm.max_spawn_rate = 5\n", 1)), []);
    let fallback = old("env[A] = ${NOPE:-${ALSO:-x}}y\n", 3);
    assert_eq!(fallback.pools()[0].env[0].value.to_string(), "xy");
    assert_eq!(
        old("env[A] = ${NOPE:-x}y\n", 2).pools()[0].env[0]
            .value
            .to_string(),
        "y"
    );
    let long = format!("listen = /{}\n", "x".repeat(120));
    assert!(old(&long, 2).accepted());
    assert!(!old(&long, 3).accepted());
}

#[test]
fn php_ini_goes_before_the_environment() {
    let mut world = world(&format!("{GOOD}env[A] = ${{x}}${{y}}\n"));
    world.set_php_ini("x", "ini");
    world.set_variable("x", "env");
    world.set_variable("y", "too");
    let config = Config::load(
        "/etc/fpm.conf".as_ref(),
        &Options::default(),
        &World::of(&world),
    );
    assert_eq!(config.pools()[0].env[0].value.to_string(), "initoo");
}
