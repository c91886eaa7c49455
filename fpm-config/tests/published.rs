//! Debian's own files and the kinds that people publish, against the real
//! php-fpm with its php.ini.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fpm_config::syntax::Document;
use fpm_config::world::{System, World};
use fpm_config::{Config, Options};
use peers::Peer;

fn system() -> System {
    let mut system = System::new();
    system
        .read_php_ini(Path::new("/etc/php/8.2/fpm/php.ini"))
        .expect("php8.2-fpm is installed");
    system
}

/// What both say about `main`: verdict, and lines without time.
fn both(main: &Path) -> [(bool, Vec<String>); 2] {
    let php_fpm = peers::tool("php-fpm8.2", "php8.2-fpm");
    let output = Command::new(php_fpm)
        .args(["-tt", "-y"])
        .arg(main)
        .output()
        .expect("php-fpm runs");
    let theirs = String::from_utf8_lossy(&output.stderr).into_owned();
    let theirs: Vec<String> = theirs
        .lines()
        .map(|line| {
            line.split_once("] ")
                .map_or(line, |(_, text)| text)
                .to_owned()
        })
        .filter(|line| !line.is_empty())
        .collect();
    let system = system();
    let config = Config::load(main, &Options::default(), &World::of(&system));
    let log = config.log();
    let ours = log.iter().map(|line| line.render("[time]"));
    let mut ours: Vec<String> = ours
        .map(|line| String::from_utf8_lossy(&line).trim_end().to_owned())
        .map(|line| {
            line.split_once("] ")
                .map_or_else(|| line.clone(), |(_, text)| text.to_owned())
        })
        .collect();
    let mut theirs: Vec<String> = theirs
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect();
    // With its standard error as error_log, php-fpm prints each line twice.
    theirs.dedup();
    ours.dedup();
    [(config.accepted(), ours), (output.status.success(), theirs)]
}

#[test]
fn debians_own_configuration_is_understood() {
    for path in [
        "/etc/php/8.2/fpm/php-fpm.conf",
        "/etc/php/8.2/fpm/pool.d/www.conf",
        "/etc/php/8.2/fpm/php.ini",
    ] {
        let bytes = fs::read(path).expect("php8.2-fpm is installed");
        let document = Document::parse(&bytes);
        assert_eq!(document.render(), bytes);
        assert!(
            document
                .lines()
                .iter()
                .all(|line| line.syntax_error.is_none()),
            "{path}"
        );
    }
    let [ours, theirs] = both(Path::new("/etc/php/8.2/fpm/php-fpm.conf"));
    assert_eq!(ours, theirs);
}

#[test]
fn published_pool_files_mean_what_php_fpm_takes_them_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/published");
    let scratch = Peer::folder();
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the published files") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text file");
        // Their logs and sockets stay in the test's folder.
        let root = scratch.path().to_str().expect("a plain path");
        let text = text.replace("@ROOT@", root);
        let main: PathBuf = scratch.path().join(path.file_name().expect("a name"));
        fs::write(&main, &text).expect("the file");
        assert_eq!(Document::parse(text.as_bytes()).render(), text.as_bytes());
        let [ours, theirs] = both(&main);
        assert_eq!(ours, theirs, "{}", path.display());
        assert!(ours.0, "{}", path.display());
        count += 1;
    }
    assert!(count >= 6);
}
