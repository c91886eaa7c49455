//! The same verdict, messages and values as the php-fpm that is installed,
//! over thousands of files.
//!
//! A fixed sample of more than 5,000 files runs always; with
//! `FPM_CONFIG_CORPUS=all` the whole corpus of some 9,000 does.

mod corpus;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use corpus::Case;
use fpm_config::schema::PhpVersion;
use fpm_config::world::{Environment, System, World, builtin_constant};
use fpm_config::{Config, Options};
use peers::{InstalledFpm, Peer};

/// A variable that values of the corpus refer to.
const VARIABLE: (&str, &str) = ("FPM_TEST", "from env");

#[test]
fn verdict_messages_and_values_are_those_of_php_fpm() {
    let php_fpm = InstalledFpm::installed();
    let whole = std::env::var_os("FPM_CONFIG_CORPUS").is_some_and(|value| value == "all");
    let cases = corpus::cases(whole);
    assert!(cases.len() >= 5_000, "the corpus has {} files", cases.len());
    let next = AtomicUsize::new(0);
    let folder = Peer::folder();
    let differences: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores())
            .map(|worker| {
                let folder = folder.path().join(worker.to_string());
                let (cases, next, php_fpm) = (&cases, &next, &php_fpm);
                scope.spawn(move || compare_all(cases, next, &folder, php_fpm))
            })
            .collect();
        let found = workers.into_iter();
        found
            .flat_map(|worker| worker.join().expect("no panic"))
            .collect()
    });
    let shown: Vec<_> = differences.iter().take(40).map(String::as_str).collect();
    assert!(
        differences.is_empty(),
        "{} of {} files differ from PHP {}:\n{}",
        differences.len(),
        cases.len(),
        php_fpm.release(),
        shown.join("\n")
    );
}

fn cores() -> usize {
    thread::available_parallelism().map_or(2, usize::from)
}

fn compare_all(
    cases: &[Case],
    next: &AtomicUsize,
    folder: &Path,
    php_fpm: &InstalledFpm,
) -> Vec<String> {
    let mut differences = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(case) = cases.get(number) else {
            return differences;
        };
        let folder = folder.join(number.to_string());
        let main = write(case, &folder);
        let ours = ours(php_fpm, case, &main);
        let theirs = theirs(php_fpm.program(), case, &main);
        if ours != theirs {
            differences.push(difference(case, &ours, &theirs));
        }
        fs::remove_dir_all(&folder).expect("the case's folder");
    }
}

/// Writes the case's files, `@` replaced by its folder.
fn write(case: &Case, folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).expect("a folder for the case");
    let path = folder.to_str().expect("a plain path");
    let fill = |bytes: &[u8]| {
        let parts: Vec<&[u8]> = bytes.split(|&byte| byte == b'@').collect();
        parts.join(path.as_bytes())
    };
    for (name, text) in &case.others {
        fs::write(folder.join(name), fill(text)).expect("an included file");
    }
    // Where error_log goes by default.
    fs::create_dir_all(folder.join("log")).expect("a folder for the log");
    let main = folder.join("case.conf");
    fs::write(&main, fill(&case.main)).expect("the main file");
    main
}

fn folder_of(main: &Path) -> &str {
    let folder = main.parent().and_then(Path::to_str);
    folder.expect("the case's folder has a plain path")
}

/// Verdict and lines; the lines without time.
type Outcome = (bool, Vec<String>);

/// What php-fpm knows besides its file.
struct Known<'a>(&'a InstalledFpm);

impl Environment for Known<'_> {
    fn variable(&self, name: &[u8]) -> Option<Vec<u8>> {
        (name == VARIABLE.0.as_bytes()).then(|| VARIABLE.1.into())
    }

    fn php_ini(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn constant(&self, name: &[u8], version: PhpVersion) -> Option<Vec<u8>> {
        // With what the distribution added, if it did.
        let release = (name == b"PHP_VERSION").then(|| self.0.release().into());
        release.or_else(|| builtin_constant(name, version))
    }
}

fn ours(php_fpm: &InstalledFpm, case: &Case, main: &Path) -> Outcome {
    let (system, environment) = (System::new(), Known(php_fpm));
    let world = World::new(&system, &environment, &system);
    let mut options = Options::default();
    let php = php_fpm.version().to_string();
    options.php = php.parse().expect("a version of PHP");
    if case.prefix {
        options.prefix = Some(folder_of(main).into());
    }
    let config = Config::load(main, &options, &world);
    let log = config.log();
    let lines = log.iter().flat_map(|line| {
        let line = line.render("[20-Nov-2026 16:55:37]");
        let text = String::from_utf8_lossy(&line).into_owned();
        let text = format!("{text}\n");
        let lines = text.split_terminator('\n').map(without_time);
        lines.collect::<Vec<_>>()
    });
    (config.accepted(), lines.collect())
}

fn theirs(php_fpm: &Path, case: &Case, main: &Path) -> Outcome {
    let mut command = Command::new(php_fpm);
    command.args(["-n", "-tt", "-y"]).arg(main);
    if case.prefix {
        command.args(["-p", folder_of(main)]);
    }
    let output = command.env(VARIABLE.0, VARIABLE.1).output();
    let output = output.expect("php-fpm runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = text.split_terminator('\n').map(without_time);
    // What debug level adds is not part of the configuration.
    let lines = lines.filter(|line| !line.starts_with("DEBUG: "));
    (output.status.success(), lines.collect())
}

/// `[time] LEVEL: text` without the time, and without what the debug level
/// puts before the text.
fn without_time(line: &str) -> String {
    let Some(rest) = line
        .strip_prefix('[')
        .and_then(|line| line.split_once("] "))
    else {
        return line.to_owned();
    };
    let is_time = rest.0.len() >= 20 && rest.0.contains(':');
    if !is_time {
        return line.to_owned();
    }
    let debug = rest.1.split_once(": pid ").and_then(|(level, text)| {
        let (_, text) = text.split_once(", line ")?;
        let (_, text) = text.split_once(": ")?;
        Some(format!("{level}: {text}"))
    });
    debug.unwrap_or_else(|| rest.1.to_owned())
}

fn difference(case: &Case, ours: &Outcome, theirs: &Outcome) -> String {
    let first = ours.1.iter().zip(&theirs.1).position(|(a, b)| a != b);
    let at = first.unwrap_or_else(|| ours.1.len().min(theirs.1.len()));
    let line = |outcome: &Outcome| outcome.1.get(at).cloned().unwrap_or_default();
    let cut = |text: String| -> String { text.chars().take(300).collect() };
    format!(
        "--- {}\n  ours:   {} {}\n  theirs: {} {}",
        cut(String::from_utf8_lossy(&case.main)
            .escape_debug()
            .to_string()),
        ours.0,
        cut(line(ours)),
        theirs.0,
        cut(line(theirs)),
    )
}
