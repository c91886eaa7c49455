//! The sample site and the status page in a real browser.

use std::process::Command;

use crate::support::Serve;

/// The page at `url` after its scripts have run.
fn dump(url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(peers::tool("chromium", "chromium"))
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--virtual-time-budget=4000",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--dump-dom", url])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn sample_site_works_in_a_browser() {
    let serve = Serve::start(["--workers", "2", "--status-path", "/status"]);
    let start = dump(&serve.url("/"));
    assert!(start.contains("<h1>It works</h1>"), "{start}");
    for page in [
        "form.php",
        "upload.php",
        "session.php",
        "stream.php",
        "about.php",
    ] {
        assert!(start.contains(&format!("href=\"/{page}\"")), "{page}");
    }
    assert!(dump(&serve.url("/index.php/path/info")).contains("id=\"path-info\">/path/info<"));
    assert!(dump(&serve.url("/session.php")).contains("id=\"visits\">1<"));
    let stream = dump(&serve.url("/stream.php"));
    assert!(
        stream.contains("Step 8 of 8") && stream.contains("id=\"done\""),
        "{stream}"
    );
    let status = dump(&serve.url("/status"));
    assert!(
        status.contains("busy workers") && status.contains("waiting requests"),
        "{status}"
    );
}

#[test]
fn sample_site_keeps_its_secrets() {
    let serve = Serve::start(["--workers", "2", "-d", "auto_globals_jit=0"]);
    let about = serve.get("/about.php").text();
    assert!(about.contains("Thread safe") && !about.contains("/etc/") && !about.contains("PATH"));
    assert_eq!(
        serve.get("/assets/style.css").field("content-type"),
        Some("text/css; charset=utf-8")
    );
    let form = serve.post(
        "/form.php",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &crate::support::form(&[("name", "<b>Ada</b>"), ("colour", "red")]),
    );
    assert!(form.text().contains("&lt;b&gt;Ada&lt;/b&gt;") && !form.text().contains("<b>Ada</b>"));
}
