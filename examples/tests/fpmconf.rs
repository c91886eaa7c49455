//! `fpmconf` from outside: exit codes, formats, edits, hostile files.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use peers::{InstalledFpm, Peer};
use serde_json::Value;

const GOOD: &str = "[global]\nerror_log = @/error.log\nprocess_control_timeout = 30s\n\
    ; the shop\n[shop]\nuser = www-data\nlisten = @/shop.sock\npm = static\n\
    pm.max_children = 4 ; enough\nrequest_terminate_timeout = 60s\n";

fn fpmconf(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fpmconf"))
        .args(args)
        .output()
        .expect("fpmconf starts")
}

/// Runs `check` with `more` on a file of this text in a folder of its own.
fn check(text: &str, more: &[&str]) -> Output {
    let folder = Peer::folder();
    let path = write(folder.path(), text);
    let mut args = vec!["check", path.as_str()];
    args.extend(more);
    fpmconf(&args)
}

fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("fpm.conf");
    let root = folder.to_str().expect("a plain path");
    fs::write(&path, text.replace('@', root)).expect("the file");
    path.to_str().expect("a plain path").to_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn exit_codes_tell_clean_findings_and_failure() {
    assert_eq!(check(GOOD, &[]).status.code(), Some(0));
    assert_eq!(
        check(&format!("{GOOD}junk = 1\n"), &[]).status.code(),
        Some(1)
    );
    let open = format!("{GOOD}listen.mode = 0666\n");
    assert_eq!(check(&open, &[]).status.code(), Some(0));
    assert_eq!(
        check(&open, &["--deny", "open-socket"]).status.code(),
        Some(1)
    );
    assert_eq!(
        check(&open, &["--deny", "all", "--allow", "open-socket"])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(
        check(GOOD, &["--deny", "no-such-lint"]).status.code(),
        Some(2)
    );
    assert_eq!(
        fpmconf(&["check", "/nonexistent/fpm.conf"]).status.code(),
        Some(2)
    );
    assert_eq!(fpmconf(&["polish"]).status.code(), Some(2));
    assert_eq!(fpmconf(&["--help"]).status.code(), Some(0));
}

#[test]
fn text_names_the_directive_that_was_meant() {
    let output = check(&format!("{GOOD}pm.min_spare_server = 2\n"), &[]);
    let text = stdout(&output);
    assert!(text.contains("error[unknown-directive]"), "{text}");
    assert!(
        text.contains("did you mean `pm.min_spare_servers`?"),
        "{text}"
    );
    assert!(text.contains("fpm.conf:11:1"), "{text}");
}

#[test]
fn json_has_code_place_and_php_fpms_text() {
    let output = check(
        &format!("{GOOD}pm.max_requests = many\n"),
        &["--format", "json"],
    );
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["accepted"], false);
    let finding = &report["diagnostics"][0];
    assert_eq!(finding["code"], "invalid-value");
    assert_eq!(finding["place"]["line"], 11);
    assert_eq!(finding["place"]["column"], 19);
    let text = finding["php_fpm"][0].as_str().expect("a line");
    assert!(
        text.ends_with("is not a valid number (greater or equal than zero)"),
        "{text}"
    );
}

#[test]
fn php_fpm_format_is_what_php_fpm_prints() {
    let php_fpm = InstalledFpm::installed();
    for added in [
        "",
        "pm.max_children = 0\n",
        "listen = (\n",
        "include = /nonexistent/*\n",
        "env[A] = ${memory_limit}\n",
        "env[A] = PHP_VERSION\nenv[B] = PHP_VERSION_ID\nenv[C] = PHP_EXTENSION_DIR\n",
    ] {
        let folder = Peer::folder();
        let path = write(folder.path(), &format!("{GOOD}{added}"));
        let theirs = Command::new(php_fpm.program())
            .args(["-tt", "-y", &path])
            .output()
            .expect("php-fpm runs");
        let ours = fpmconf(&["check", "--format", "php-fpm", &path]);
        assert_eq!(ours.status.success(), theirs.status.success(), "{added}");
        let without_time = |bytes: &[u8]| -> Vec<String> {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let lines = text.lines().map(|line| match line.split_once("] ") {
                Some((time, text)) if time.contains(':') && time.len() == 21 => text.to_owned(),
                _ => line.to_owned(),
            });
            lines.collect()
        };
        assert_eq!(
            without_time(&ours.stdout),
            without_time(&theirs.stderr),
            "{added}"
        );
    }
}

/// Runs `check` with `folder` before the PATH; what a pool of `show` has.
fn env_of_pool(folder: &Path, more: &[&str], shown: &str) -> String {
    let path = write(folder, &format!("{GOOD}env[A] = {shown}\n"));
    let path_variable = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(env!("CARGO_BIN_EXE_fpmconf"))
        .args(["show", &path, "-n"])
        .args(more)
        .env("PATH", format!("{}:{path_variable}", folder.display()))
        .output()
        .expect("fpmconf starts");
    let text = stdout(&output);
    let line = text.lines().find_map(|line| line.strip_prefix("env[A] = "));
    let value = line.and_then(|line| line.split(" ; ").next());
    value.unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// A program that says to be this php-fpm, and leaves the file `asked`.
fn pretend(folder: &Path, name: &str, release: &str) {
    let text = format!(
        "#!/bin/sh\ntouch '{}/asked'\necho 'PHP {release} (fpm-fcgi) (built: today)'\n",
        folder.display()
    );
    let path = folder.join(name);
    fs::write(&path, text).expect("a program");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its mode");
}

#[test]
fn release_is_that_of_the_installed_php_fpm() {
    let folder = Peer::folder();
    let folder = folder.path();
    let found = |shown: &str| env_of_pool(folder, &[], shown);
    let of = |version: &str, shown: &str| env_of_pool(folder, &["--php", version], shown);
    pretend(folder, "php-fpm9.7", "9.7.101");
    assert_eq!(of("9.7", "PHP_VERSION"), "9.7.101");
    assert_eq!(of("9.7", "PHP_RELEASE_VERSION"), "101");
    assert_eq!(of("9.7", "PHP_VERSION_ID"), "90801");
    assert_eq!(of("9.7.3", "PHP_VERSION"), "9.7.3");
    // Not installed: the last one that there was.
    assert_eq!(of("7.4", "PHP_VERSION"), "7.4.33");
    // `php-fpm` goes first, whatever its version.
    pretend(folder, "php-fpm", "8.1.2-1ubuntu2.14");
    assert_eq!(found("PHP_VERSION"), "8.1.2-1ubuntu2.14");
    assert_eq!(found("PHP_EXTRA_VERSION"), "-1ubuntu2.14");
    assert_eq!(found("PHP_VERSION_ID"), "80102");
    assert_eq!(of("9.7", "PHP_VERSION"), "9.7.101");
}

#[test]
fn installed_php_fpm_is_asked_only_where_a_value_needs_it() {
    let folder = Peer::folder();
    let folder = folder.path();
    pretend(folder, "php-fpm9.7", "9.7.101");
    symlink("php-fpm9.7", folder.join("php-fpm")).expect("a link");
    let is_asked = || folder.join("asked").exists();
    assert_eq!(env_of_pool(folder, &[], "PHP_MINOR_VERSION"), "7");
    assert!(!is_asked());
    let exact = ["--php", "9.7.1"];
    assert_eq!(env_of_pool(folder, &exact, "PHP_VERSION"), "9.7.1");
    assert!(!is_asked());
    assert_eq!(env_of_pool(folder, &[], "PHP_VERSION"), "9.7.101");
    assert!(is_asked());
}

#[test]
fn fix_cures_the_file_in_place() {
    let folder = Peer::folder();
    let path = write(
        folder.path(),
        &format!("{GOOD}pm.max_request = 9 ; often\n"),
    );
    let output = fpmconf(&["check", "--fix", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let text = fs::read_to_string(&path).expect("the file");
    assert!(text.ends_with("pm.max_requests = 9 ; often\n"), "{text}");
}

#[test]
fn show_has_values_and_their_places() {
    let folder = Peer::folder();
    let path = write(folder.path(), GOOD);
    let ini = stdout(&fpmconf(&["show", &path, "--pool", "shop"]));
    assert!(
        ini.contains(&format!("pm.max_children = 4 ; {path}:9\n")),
        "{ini}"
    );
    assert!(ini.contains("clear_env = yes ; default\n"), "{ini}");
    let json = fpmconf(&["show", &path, "--pool", "SHOP", "--format", "json"]);
    let shown: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let values = shown["sections"][0]["values"].as_array().expect("values");
    let listen = values
        .iter()
        .find(|value| value["name"] == "listen")
        .expect("listen");
    assert_eq!(
        listen["value"],
        format!("{}/shop.sock", folder.path().display())
    );
    assert_eq!(listen["source"]["line"], 7);
    assert_eq!(
        fpmconf(&["show", &path, "--pool", "blog"]).status.code(),
        Some(2)
    );
}

#[test]
fn set_changes_one_value_and_keeps_the_rest() {
    let folder = Peer::folder();
    let path = write(folder.path(), GOOD);
    let set = |pool: &str, name: &str, value: &str| {
        fpmconf(&["set", &path, pool, name, value]).status.code()
    };
    assert_eq!(set("shop", "pm.max_children", "9"), Some(0));
    assert_eq!(set("shop", "env[A]", "x;y"), Some(0));
    assert_eq!(set("global", "log_level", "warning"), Some(0));
    assert_eq!(
        set("shop", "pm.max_children", "0"),
        Some(1),
        "php-fpm would refuse it"
    );
    assert_eq!(set("shop", "pm.max_childs", "1"), Some(2));
    assert_eq!(set("blog", "pm.max_children", "1"), Some(2));
    let root = folder.path().to_str().expect("a plain path");
    let wanted = GOOD
        .replace('@', root)
        .replace("= 4 ;", "= 9 ;")
        .replace("= 30s\n", "= 30s\nlog_level = warning\n");
    let text = fs::read_to_string(&path).expect("the file");
    assert_eq!(text, format!("{wanted}env[A] = \"x;y\"\n"));
}

#[test]
fn set_finds_the_included_file() {
    let folder = Peer::folder();
    let path = write(
        folder.path(),
        "[global]\nerror_log = @/error.log\ninclude = @/*.pool\n",
    );
    let pool = folder.path().join("shop.pool");
    let root = folder.path().to_str().expect("a plain path");
    let text = GOOD
        .split_once("[shop]")
        .expect("a pool")
        .1
        .replace('@', root);
    fs::write(&pool, format!("[shop]{text}")).expect("the pool's file");
    let output = fpmconf(&["set", &path, "shop", "pm.max_requests", "500"]);
    assert_eq!(output.status.code(), Some(0));
    let text = fs::read_to_string(&pool).expect("the pool's file");
    assert!(text.ends_with("\npm.max_requests = 500\n"), "{text}");
}

#[test]
fn explain_knows_directives_and_codes() {
    let text = stdout(&fpmconf(&["explain", "pm.max_children"]));
    assert!(text.contains("type:    integer (workers)"), "{text}");
    assert!(stdout(&fpmconf(&["explain", "env[PATH]"])).contains("Environment variable"));
    assert!(stdout(&fpmconf(&["explain", "open-socket"])).contains("Unix socket"));
    let unknown = fpmconf(&["explain", "pm.max_childs"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `pm.max_children`?"));
}

#[test]
fn plan_shows_its_arithmetic() {
    let args = [
        "plan",
        "--worker-memory",
        "64M",
        "--memory",
        "3G",
        "--reserve",
        "1G",
        "--rate",
        "50/s",
        "--service-time",
        "120ms",
    ];
    let text = stdout(&fpmconf(&args));
    assert!(
        text.contains("2048 MiB / 64 MiB a worker = 32 workers fit"),
        "{text}"
    );
    assert!(text.contains("pm.max_children = 11\n"), "{text}");
    assert_eq!(
        fpmconf(&[
            "plan",
            "--worker-memory",
            "0",
            "--memory",
            "1G",
            "--rate",
            "1",
            "--service-time",
            "1s"
        ])
        .status
        .code(),
        Some(2)
    );
}

#[test]
fn a_line_of_100_megabytes_is_checked_in_bounded_memory() {
    let folder = Peer::folder();
    let path = folder.path().join("long.conf");
    let mut text = b"[www]\nenv[A] = ".to_vec();
    text.resize(100 << 20, b'x');
    fs::write(&path, text).expect("a large file");
    // 768 MiB of address space: the file, its value, and what a program needs.
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 786432; exec \"$0\" check \"$1\""])
        .arg(env!("CARGO_BIN_EXE_fpmconf"))
        .arg(&path)
        .output()
        .expect("a shell");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stdout(&output).contains("error[user-missing]"));
}
