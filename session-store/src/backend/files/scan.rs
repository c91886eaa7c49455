//! Every session file: collecting the expired ones, and listing.

use std::fs::{self, DirEntry, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::layout::{FilesLayout, PREFIX};
use super::locked::{open_to_read, try_lock};

/// Calls `visit` for each file named like a session, until it says `false`.
fn walk(
    folder: &Path,
    depth: usize,
    visit: &mut dyn FnMut(&DirEntry) -> io::Result<bool>,
) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let go_on = if depth > 0 {
            let is_letter = entry.file_name().len() == 1;
            !is_letter || !entry.file_type()?.is_dir() || walk(&entry.path(), depth - 1, visit)?
        } else {
            !is_session(&entry)? || visit(&entry)?
        };
        if !go_on {
            return Ok(false);
        }
    }
    Ok(true)
}

/// PHP takes folders for sessions here too; a folder is none.
fn is_session(entry: &DirEntry) -> io::Result<bool> {
    let name = entry.file_name();
    Ok(name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) && entry.file_type()?.is_file())
}

/// Ids of up to `limit` sessions that are younger than `lifetime`.
pub(super) fn names(
    layout: &FilesLayout,
    limit: usize,
    lifetime: Duration,
    now: SystemTime,
) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    walk(&layout.base, layout.depth, &mut |entry| {
        if names.len() >= limit {
            return Ok(false);
        }
        let name = entry.file_name();
        if let Some(id) = name.to_str().and_then(|name| name.strip_prefix(PREFIX))
            && let Ok(metadata) = entry.metadata()
            && !is_expired(metadata.modified()?, lifetime, now)
        {
            names.push(id.to_owned());
        }
        Ok(true)
    })?;
    Ok(names)
}

/// Deletes up to `budget` sessions older than `lifetime` that nobody holds.
pub(super) fn purge(
    layout: &FilesLayout,
    budget: usize,
    lifetime: Duration,
    now: SystemTime,
) -> io::Result<u64> {
    let mut removed = 0;
    walk(&layout.base, layout.depth, &mut |entry| {
        if removed >= budget as u64 {
            return Ok(false);
        }
        // A file that another collector was faster with is no failure.
        let Ok(metadata) = entry.metadata() else {
            return Ok(true);
        };
        if is_expired(metadata.modified()?, lifetime, now) && collect(&entry.path(), lifetime, now)?
        {
            removed += 1;
        }
        Ok(true)
    })?;
    Ok(removed)
}

/// Deletes one file under its lock, if it still is expired then: PHP's
/// collector does not ask and deletes the session being served.
fn collect(path: &Path, lifetime: Duration, now: SystemTime) -> io::Result<bool> {
    let Some(file) = open_to_read(path)? else {
        return Ok(false);
    };
    if !try_lock(&file)? || !is_still_expired(&file, lifetime, now)? {
        return Ok(false);
    }
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_still_expired(file: &File, lifetime: Duration, now: SystemTime) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let metadata = file.metadata()?;
    Ok(metadata.nlink() > 0 && is_expired(metadata.modified()?, lifetime, now))
}

/// PHP's rule, to the second it counts in: older than the lifetime.
pub(super) fn is_expired(modified: SystemTime, lifetime: Duration, now: SystemTime) -> bool {
    now.duration_since(modified).is_ok_and(|age| age > lifetime)
}
