//! Machine-applicable fixes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Config;

/// The files that change when every fix of `config` is applied, with their
/// new bytes. Fixes that overlap an earlier one are left for the next run.
///
/// # Examples
///
/// ```
/// use fpm_config::edit::fixed_files;
/// use fpm_config::world::{MemoryWorld, World};
/// use fpm_config::{Config, Options};
///
/// let mut world = MemoryWorld::default();
/// world.add_file("a.conf", "[www]\npm.min_spare_server = 2 ; low\n");
/// let config = Config::load("a.conf".as_ref(), &Options::default(), &World::of(&world));
///
/// let fixed = fixed_files(&config);
/// assert_eq!(fixed[0].1, b"[www]\npm.min_spare_servers = 2 ; low\n");
/// ```
#[must_use]
pub fn fixed_files(config: &Config) -> Vec<(PathBuf, Vec<u8>)> {
    // By path: a file that is included twice is one file.
    let mut edits: BTreeMap<&Path, BTreeMap<(usize, usize), &[u8]>> = BTreeMap::new();
    let fixes = config
        .diagnostics()
        .iter()
        .filter_map(|found| found.fix.as_ref());
    for edit in fixes.flat_map(|fix| &fix.edits) {
        let path = config.sources().file(edit.span.file).path();
        let place = (edit.span.start, edit.span.end);
        let edits = edits.entry(path).or_default();
        edits.entry(place).or_insert(&edit.replacement);
    }
    let files = edits.into_iter().filter_map(|(path, edits)| {
        let mut files = config.sources().iter();
        let (_, file) = files.find(|(_, file)| file.path() == path)?;
        Some((path.to_path_buf(), apply(file.bytes(), &edits)))
    });
    files.collect()
}

fn apply(bytes: &[u8], edits: &BTreeMap<(usize, usize), &[u8]>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (&(start, end), replacement) in edits {
        if start >= at {
            out.extend_from_slice(&bytes[at..start]);
            out.extend_from_slice(replacement);
            at = end;
        }
    }
    out.extend_from_slice(&bytes[at..]);
    out
}
