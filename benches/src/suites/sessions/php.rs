//! The loop in php-cli.

use std::process::Command;
use std::time::Duration;

use peers::try_tool;

/// Runs `loop.php` with some settings.
pub(super) fn changes_per_second(settings: &[String], time: Duration) -> Result<f64, String> {
    let php = try_tool("php").ok_or(
        "`php` is not installed; run: apt-get install --no-install-recommends php-cli php-redis php-memcached",
    )?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/suites/sessions/loop.php");
    let mut command = Command::new(php);
    for setting in BASE
        .iter()
        .copied()
        .chain(settings.iter().map(String::as_str))
    {
        command.args(["-d", setting]);
    }
    let output = command
        .arg(script)
        .arg(time.as_secs_f64().to_string())
        .output()
        .map_err(|error| format!("php does not start: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    printed.parse().map_err(|_| {
        let errors = String::from_utf8_lossy(&output.stderr);
        format!("php: {printed}{errors}")
    })
}

const BASE: &[&str] = &[
    "session.use_cookies=0",
    "session.cache_limiter=",
    "session.gc_probability=0",
    "session.serialize_handler=php",
    "display_errors=stderr",
];
