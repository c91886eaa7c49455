//! Input that no editor writes: findings, never a panic, bounded work.

use std::path::Path;

use fpm_config::diagnostic::Code;
use fpm_config::world::{MemoryWorld, World};
use fpm_config::{Config, Options};

fn load(files: &[(&str, Vec<u8>)], options: &Options) -> Config {
    let mut world = MemoryWorld::default();
    for (path, bytes) in files {
        world.add_file(*path, bytes.clone());
    }
    Config::load(Path::new("/etc/fpm.conf"), options, &World::of(&world))
}

fn codes(config: &Config) -> Vec<Code> {
    config
        .diagnostics()
        .iter()
        .map(|found| found.code)
        .collect()
}

fn one(bytes: impl Into<Vec<u8>>) -> Config {
    load(&[("/etc/fpm.conf", bytes.into())], &Options::default())
}

#[test]
fn binary_files_are_findings() {
    let mut bytes: Vec<u8> = (0..200_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    assert!(!one(bytes.clone()).would_start());
    bytes.retain(|&byte| byte != b'\n');
    assert!(!one(bytes).would_start());
}

#[test]
fn long_lines_are_read_once() {
    // Of 100 MB in the example program's test; here enough to see quadratic work.
    for line in [
        "a", "a = b c ", "((((", "~", "[a", "env[", "\"", "'x' ", "${", "$", "\\", " ",
    ] {
        let bytes = line.repeat(2_000_000 / line.len());
        let config = one(bytes);
        assert!(!config.would_start(), "{line}");
    }
}

#[test]
fn findings_are_bounded() {
    let mut options = Options::default();
    options.limits.max_findings = 10;
    let text = "x = 1\n".repeat(1000);
    let config = load(&[("/etc/fpm.conf", text.into())], &options);
    assert_eq!(config.diagnostics().len(), 11);
    assert_eq!(codes(&config).last(), Some(&Code::TooManyFindings));
}

#[test]
fn files_beyond_the_limits_are_said_to_be_cut() {
    let mut options = Options::default();
    options.limits.max_file_bytes = 100;
    let text = "; comment\n".repeat(1000);
    let config = load(&[("/etc/fpm.conf", text.into())], &options);
    assert!(codes(&config).contains(&Code::FileTooLarge));
}

#[test]
fn include_loops_end_where_php_fpm_ends() {
    let config = load(
        &[
            ("/etc/fpm.conf", b"include = /etc/d/*.conf\n".to_vec()),
            ("/etc/d/a.conf", b"include = /etc/d/*.conf\n".to_vec()),
            ("/etc/d/b.conf", b"include = /etc/d/*.conf\n[b]\n".to_vec()),
        ],
        &Options::default(),
    );
    assert!(codes(&config).contains(&Code::IncludeDepth));
    assert!(!config.accepted());
}

#[test]
fn a_flood_of_files_is_bounded() {
    let mut files = vec![("/etc/fpm.conf".to_owned(), b"include = /d/*\n".to_vec())];
    for number in 0..30 {
        files.push((format!("/d/{number}"), b"include = /e/*\n".to_vec()));
        files.push((format!("/e/{number}"), b"include = /f/*\n".to_vec()));
        files.push((format!("/f/{number}"), b";\n".to_vec()));
    }
    let mut world = MemoryWorld::default();
    for (path, bytes) in files {
        world.add_file(path, bytes);
    }
    let mut options = Options::default();
    options.limits.max_files = 500;
    let config = Config::load(Path::new("/etc/fpm.conf"), &options, &World::of(&world));
    assert!(codes(&config).contains(&Code::TooManyFiles));
    assert!(config.sources().iter().count() <= 500);
}

#[test]
fn a_pool_named_after_its_own_variable_is_refused() {
    let config = one("[$pool]\nlisten = $pool\n");
    assert!(codes(&config).contains(&Code::EndlessPoolName));
}

#[test]
fn a_missing_file_is_a_finding() {
    let config = load(&[], &Options::default());
    assert_eq!(codes(&config), [Code::UnreadableFile]);
    assert!(!config.opened());
}
