//! Runs `golden.php`: real PHP as the second party.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use session_store::SerializeHandler;

/// Sessions as PHP writes them: `count` of them, drawn from `seed`, without
/// the kinds of values that `avoid` lists.
#[track_caller]
pub(crate) fn php_writes(
    handler: SerializeHandler,
    seed: u32,
    count: u32,
    avoid: &str,
    settings: &[&str],
) -> Vec<Vec<u8>> {
    let output = command(handler, settings)
        .args(["write", &seed.to_string(), &count.to_string(), avoid])
        .output()
        .expect("php starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines: Vec<_> = output
        .stdout
        .split(|&byte| byte == b'\n')
        .map(decode)
        .collect();
    assert_eq!(
        lines.len(),
        count as usize + 1,
        "one line each and a last line feed"
    );
    lines[..count as usize].to_vec()
}

/// What PHP makes of sessions: `serialize($_SESSION)`, or `None` where it
/// cannot decode.
#[track_caller]
pub(crate) fn php_reads(
    handler: SerializeHandler,
    sessions: &[impl AsRef<[u8]>],
) -> Vec<Option<Vec<u8>>> {
    let mut input = Vec::new();
    for session in sessions {
        input.extend(STANDARD.encode(session).into_bytes());
        input.push(b'\n');
    }
    let mut child = command(handler, &[])
        .arg("read")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("php starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("php ends");
    writer
        .join()
        .expect("the writer ends")
        .expect("php reads all its input");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut lines: Vec<_> = output.stdout.split(|&byte| byte == b'\n').collect();
    assert_eq!(lines.pop(), Some(&b""[..]));
    assert_eq!(lines.len(), sessions.len());
    lines
        .into_iter()
        .map(|line| (line != b"!").then(|| decode(line)))
        .collect()
}

fn decode(line: &[u8]) -> Vec<u8> {
    STANDARD.decode(line).expect("php prints base64")
}

fn command(handler: SerializeHandler, settings: &[&str]) -> Command {
    let script: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/golden/golden.php"]
        .iter()
        .collect();
    let mut command = Command::new(peers::tool("php", "php-cli php-igbinary php-msgpack"));
    command.args(["-d", "memory_limit=1G", "-d", "session.save_path=/tmp"]);
    command.args(["-d", &format!("session.serialize_handler={handler}")]);
    for setting in settings {
        command.args(["-d", setting]);
    }
    command.arg(script);
    command
}
