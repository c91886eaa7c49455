//! Debian's own files and the kinds that people publish, against the real
//! php-fpm with its php.ini.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fpm_config::syntax::Document;
use fpm_config::world::{System, World};
use fpm_config::{Config, Options};
use peers::{InstalledFpm, Peer};

/// What both say about `main`: verdict, and lines without time.
fn both(php_fpm: &InstalledFpm, main: &Path) -> [(bool, Vec<String>); 2] {
    let output = Command::new(php_fpm.program())
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
    let mut options = Options::default();
    let php = php_fpm.version().to_string();
    options.php = php.parse().expect("a version of PHP");
    let mut system = System::new().for_php(options.php);
    system
        .read_php_ini(&php_fpm.settings().join("php.ini"))
        .expect("Debian's php-fpm has a php.ini");
    let config = Config::load(main, &options, &World::of(&system));
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
    let php_fpm = InstalledFpm::installed();
    let settings = php_fpm.settings();
    for name in ["php-fpm.conf", "pool.d/www.conf", "php.ini"] {
        let bytes = fs::read(settings.join(name)).expect("Debian's php-fpm has it");
        let document = Document::parse(&bytes);
        assert_eq!(document.render(), bytes);
        assert!(
            document
                .lines()
                .iter()
                .all(|line| line.syntax_error.is_none()),
            "{name}"
        );
    }
    let [ours, theirs] = both(&php_fpm, &settings.join("php-fpm.conf"));
    assert_eq!(ours, theirs);
}

#[test]
fn published_pool_files_mean_what_php_fpm_takes_them_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/published");
    let php_fpm = InstalledFpm::installed();
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
        let [ours, theirs] = both(&php_fpm, &main);
        assert_eq!(ours, theirs, "{}", path.display());
        assert!(ours.0, "{}", path.display());
        count += 1;
    }
    assert!(count >= 6);
}
