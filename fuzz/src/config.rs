//! php-fpm configurations: no byte lost, no panic, edits exact; and the same
//! verdict as php-fpm itself, where one is given.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use fpm_config::edit::{Editor, NewValue, Target};
use fpm_config::schema::PhpVersion;
use fpm_config::syntax::Document;
use fpm_config::world::{Files, MemoryWorld, System, World};
use fpm_config::{Config, Options};

/// The program to compare with, such as `php-fpm8.4`. Each input then costs
/// the start of a process.
static PHP_FPM: LazyLock<Option<(PathBuf, PhpVersion)>> = LazyLock::new(|| {
    let program = PathBuf::from(std::env::var_os("FUZZ_PHP_FPM")?);
    let php = peers::Version::of(&program).to_string();
    Some((program, php.parse().expect("a version of PHP")))
});

/// What stands before the input, so that much of it gets past the first
/// checks. `/dev/null` as log: nothing is created.
const HEAD: &[u8] = b"[global]\nerror_log = /dev/null\n[www]\nuser = root\nlisten = 9000\n\
    pm = static\npm.max_children = 1\n";

/// Reading keeps all bytes, checking ends, a value that was set reads back.
/// With `FUZZ_PHP_FPM` set, the verdict and messages are php-fpm's.
pub fn config(data: &[u8]) {
    assert_eq!(Document::parse(data).render(), data, "render(parse(x))");
    let mut world = MemoryWorld::default();
    world.add_file("/main.conf", data);
    let config = Config::load(
        Path::new("/main.conf"),
        &Options::default(),
        &World::of(&world),
    );
    for finding in config.diagnostics() {
        // It must not panic, whatever the bytes.
        let _ = fpm_config::diagnostic::render(finding, config.sources());
    }
    edit(data, &world);
    if let Some((program, php)) = &*PHP_FPM
        && is_harmless(data)
    {
        compare(data, program, *php);
    }
}

fn edit(data: &[u8], world: &MemoryWorld) {
    let target = Target::parse("env[FUZZ]");
    let value = NewValue::Meant(b"a;b ${c}");
    let mut editor = Editor::new(data, world);
    if editor.set("www", target, &value).is_ok() {
        let once = editor.text().to_vec();
        assert!(editor.set("www", target, &value).is_ok());
        assert_eq!(editor.text(), once, "setting twice changes nothing more");
    } else {
        assert_eq!(editor.text(), data, "a refused edit changes nothing");
    }
}

/// Whether php-fpm would create no files for it, and finds what we find.
fn is_harmless(data: &[u8]) -> bool {
    let lower = data.to_ascii_lowercase();
    let words: [&[u8]; 4] = [b"log", b"include", b"pid", b"$"];
    let found = |word: &[u8]| lower.windows(word.len()).any(|part| part == word);
    !words.into_iter().any(found)
}

fn compare(data: &[u8], program: &Path, php: PhpVersion) {
    let folder = tempfile::tempdir().expect("a folder for the input");
    let path = folder.path().join("main.conf");
    std::fs::write(&path, [HEAD, data].concat()).expect("the input is written");
    let output = Command::new(program)
        .args(["-n", "-t", "-R", "-y"])
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .expect("php-fpm runs");
    let mut options = Options::default();
    options.php = php;
    options.started_as = fpm_config::StartedAs::RootAllowed;
    let system = System::new();
    assert!(system.metadata(&path).is_ok());
    let config = Config::load(&path, &options, &World::of(&system));
    let theirs = String::from_utf8_lossy(&output.stderr);
    assert_eq!(config.accepted(), output.status.success(), "{theirs}");
    let messages = config.diagnostics().iter().take(1);
    for line in messages
        .flat_map(|finding| &finding.php_fpm)
        .filter(|_| !config.accepted())
    {
        let line = String::from_utf8_lossy(&line.text).into_owned();
        let start: String = line.chars().take(900).collect();
        assert!(theirs.contains(&start), "ours: {line}\ntheirs: {theirs}");
    }
}
