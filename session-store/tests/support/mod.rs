//! What several tests share: real PHP as the second party.
#![allow(dead_code, reason = "every test file uses a part")]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use peers::tool;
use session_store::{
    Backend, Change, CommitOptions, Committed, Error, ErrorKind, LockOptions, SessionId,
};

/// PHP's `session.gc_maxlifetime` as it is shipped.
pub(crate) const TTL: Duration = Duration::from_secs(1440);

/// php-cli with settings; `-d` takes them one by one.
pub(crate) fn php(settings: &[String]) -> Command {
    let mut command = Command::new(tool("php", "php-cli"));
    for setting in BASE
        .iter()
        .copied()
        .chain(settings.iter().map(String::as_str))
    {
        command.args(["-d", setting]);
    }
    command
}

/// Runs PHP code and returns what it prints.
#[track_caller]
pub(crate) fn php_run(settings: &[String], code: &str, arguments: &[&str]) -> String {
    let output = php(settings)
        .args(["-r", code, "--"])
        .args(arguments)
        .output()
        .expect("php starts");
    text_of(&output)
}

/// Runs a PHP file and returns what it prints.
#[track_caller]
pub(crate) fn php_file(settings: &[String], file: &Path, arguments: &[&str]) -> String {
    let output = php(settings)
        .arg(file)
        .args(arguments)
        .output()
        .expect("php starts");
    text_of(&output)
}

/// Processes of PHP that each increment `n` of session `id`.
///
/// They run a file, as prepended files are not loaded for `php -r`.
pub(crate) fn php_increments(
    settings: &[String],
    id: &str,
    processes: usize,
    times: u32,
) -> Vec<Child> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/increment.php");
    let start = |_| {
        php(settings)
            .arg(&file)
            .args([id, &times.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("php starts")
    };
    (0..processes).map(start).collect()
}

/// Waits for them and returns the longest wait for the lock that one saw.
#[track_caller]
pub(crate) fn longest_wait(children: Vec<Child>) -> Duration {
    let wait = |child: Child| {
        let printed = text_of(&child.wait_with_output().expect("php ends"));
        Duration::from_micros(printed.parse().unwrap_or_else(|_| panic!("php: {printed}")))
    };
    children.into_iter().map(wait).max().unwrap_or_default()
}

#[track_caller]
fn text_of(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "php: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Increments `n` of a session in the format of PHP's handler `php`, under
/// the lock, and returns the longest wait.
pub(crate) async fn increments(backend: &dyn Backend, id: &SessionId, times: u32) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..times {
        let asked = Instant::now();
        let options = LockOptions::until(asked + Duration::from_secs(60));
        let (mut lease, entry) = backend.lock_and_load(id, options).await.unwrap();
        longest = longest.max(asked.elapsed());
        let count = entry.map_or(0, |entry| count(&entry.bytes));
        let change = Change::Put(format!("n|i:{};", count + 1).into());
        let committed = backend
            .commit(&mut lease, change, CommitOptions::new(TTL))
            .await
            .unwrap();
        assert!(matches!(committed, Committed::Stored(_)), "{committed:?}");
    }
    longest
}

/// The value of `n|i:…;`.
#[track_caller]
pub(crate) fn count(bytes: &[u8]) -> u32 {
    let text = std::str::from_utf8(bytes).unwrap();
    let number = text
        .strip_prefix("n|i:")
        .and_then(|rest| rest.strip_suffix(';'));
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no counter: {text}"))
}

/// Checks what an error says: its kind, whose it is, and what to do.
#[track_caller]
pub(crate) fn assert_names_it(error: &Error, kind: ErrorKind, name: &str) {
    assert_eq!(error.kind(), kind, "{name}: {error:?}");
    let text = error.to_string();
    assert!(text.contains(name), "{text}");
    assert!(text.contains(error.advice()), "{text}");
}

/// Stops a peer and returns once the kernel has.
pub(crate) fn freeze(peer: &peers::Peer) {
    peer.signal(nix::sys::signal::Signal::SIGSTOP);
    let stat = format!("/proc/{}/stat", peer.id());
    peers::wait_until("the peer is stopped", || {
        std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T "))
    });
}

/// Returns once a process waits in the kernel for the lock of a file.
pub(crate) async fn somebody_waits_for(path: &Path) {
    use std::os::unix::fs::MetadataExt;

    let file = format!(":{} ", std::fs::metadata(path).unwrap().ino());
    let waits = || {
        let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        let mut lines = locks.lines();
        lines.any(|line| line.contains("-> FLOCK") && line.contains(&file))
    };
    until("somebody waits for the lock of the file", waits).await;
}

/// Lets the other tasks of a test run until a condition holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < give_up, "gave up waiting until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

const BASE: &[&str] = &[
    "session.use_cookies=0",
    "session.cache_limiter=",
    "session.serialize_handler=php",
    "display_errors=stderr",
];
