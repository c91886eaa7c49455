//! A document root, and files opened below it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use libc::{O_CLOEXEC, O_NONBLOCK, O_PATH};

/// Which symbolic links that lead out of a document root are followed.
///
/// ```
/// use fpm_pool::http::Symlinks;
///
/// assert_eq!("never".parse(), Ok(Symlinks::Never));
/// assert!("sometimes".parse::<Symlinks>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Symlinks {
    /// None.
    Never,
    /// Links to folders whose owner also owns the folder. Applications link
    /// their storage, plugins and templates this way; a link to a single
    /// file outside is refused.
    #[default]
    Owned,
    /// All.
    Always,
}

impl FromStr for Symlinks {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" => Ok(Self::Never),
            "owned" => Ok(Self::Owned),
            "always" => Ok(Self::Always),
            _ => Err("expected never, owned or always"),
        }
    }
}

/// How long a script that was found is not looked for again. A worker says
/// itself when the file has gone meanwhile.
const SCRIPT_TTL: Duration = Duration::from_secs(1);

/// Scripts that are remembered at most.
const MAX_SCRIPTS: usize = 1024;

/// A document root. Its path may itself be a link that is switched at run
/// time, as release tools do.
#[derive(Debug)]
pub(super) struct Root {
    path: Arc<Path>,
    canonical: RwLock<PathBuf>,
    symlinks: Symlinks,
    /// Scripts by the path they were asked for with, and when they were found.
    scripts: RwLock<HashMap<String, Instant>>,
}

/// A file that was found below a document root, opened for reading.
#[derive(Debug)]
pub struct Found {
    file: File,
    metadata: Metadata,
    path: PathBuf,
    /// How much of the path is the root's.
    root_len: usize,
}

impl Found {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is, as of when it was opened.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Its path below the root, not encoded: `/css/site.css`.
    #[must_use]
    pub fn name(&self) -> &str {
        let below = self.path.as_os_str().as_bytes().get(self.root_len..);
        str::from_utf8(below.unwrap_or_default()).unwrap_or_default()
    }

    /// The opened file, what it is, and where.
    #[must_use]
    pub fn into_parts(self) -> (File, Metadata, PathBuf) {
        (self.file, self.metadata, self.path)
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// To send its content.
    Read,
    /// To know that it is there: the worker, perhaps another user, reads it.
    Locate,
}

impl Root {
    /// Takes `path` as a document root. Nothing need be there yet.
    pub(super) fn new(path: &Path, symlinks: Symlinks) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // A slash at its end would stand twice in the paths of files.
        let path: PathBuf = path.components().collect();
        let canonical = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        Self {
            path: path.into(),
            canonical: RwLock::new(canonical),
            symlinks,
            scripts: RwLock::default(),
        }
    }

    /// The same root with another policy, and with nothing remembered.
    pub(super) fn with_symlinks(&self, symlinks: Symlinks) -> Self {
        Self::new(&self.path, symlinks)
    }

    pub(super) const fn symlinks(&self) -> Symlinks {
        self.symlinks
    }

    /// The path of the script at `relative`, if it was found a moment ago.
    pub(super) fn recent_script(&self, relative: &str, now: Instant) -> Option<PathBuf> {
        let scripts = self.scripts.read().unwrap_or_else(PoisonError::into_inner);
        let found = scripts.get(relative)?;
        (now.saturating_duration_since(*found) < SCRIPT_TTL).then(|| self.join(relative))
    }

    /// Remembers that there is a script at `relative`.
    pub(super) fn remember_script(&self, relative: &str, now: Instant) {
        let mut scripts = self.scripts.write().unwrap_or_else(PoisonError::into_inner);
        if scripts.len() >= MAX_SCRIPTS {
            scripts.clear();
        }
        scripts.insert(relative.to_owned(), now);
    }

    /// The path as it was given, made absolute.
    pub(super) const fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// Opens what stands at `relative`, which starts with `/` and is clean.
    ///
    /// # Errors
    ///
    /// Those of `open`, and `NotFound` for what a link puts out of bounds.
    pub(super) fn open(&self, relative: &str, purpose: Purpose) -> io::Result<Found> {
        let path = self.join(relative);
        let flags = match purpose {
            Purpose::Read => O_NONBLOCK | O_CLOEXEC,
            Purpose::Locate => O_PATH | O_CLOEXEC,
        };
        // Without O_NONBLOCK, opening a named pipe would block the server.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(&path)?;
        let metadata = file.metadata()?;
        if self.symlinks != Symlinks::Always && !self.contains(&file, &path)? {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Found {
            file,
            metadata,
            path,
            root_len: self.path_len(),
        })
    }

    /// The length of the path in front of the slash: none for the root of
    /// all files.
    fn path_len(&self) -> usize {
        let path = self.path.as_os_str().as_bytes();
        path.strip_suffix(b"/").unwrap_or(path).len()
    }

    fn join(&self, relative: &str) -> PathBuf {
        let root = self.path.as_os_str().as_bytes();
        let root = OsStr::from_bytes(root.get(..self.path_len()).unwrap_or(root));
        let mut joined = OsString::with_capacity(root.len() + relative.len());
        joined.push(root);
        joined.push(relative);
        joined.into()
    }

    /// Whether the opened file may be served: it lies below the root, or the
    /// links that lead out are of the kind that is followed.
    fn contains(&self, file: &File, path: &Path) -> io::Result<bool> {
        let real = real_path(file, path)?;
        {
            let canonical = self
                .canonical
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            if real.starts_with(&*canonical) {
                return Ok(true);
            }
        }
        // The root may be a link that was switched since.
        let canonical = fs::canonicalize(&self.path)?;
        let inside = real.starts_with(&canonical);
        *self
            .canonical
            .write()
            .unwrap_or_else(PoisonError::into_inner) = canonical;
        Ok(inside || self.symlinks == Symlinks::Owned && self.links_are_owned(path)?)
    }

    /// Whether every link between the root and `path` is one of a folder by
    /// the folder's owner.
    fn links_are_owned(&self, path: &Path) -> io::Result<bool> {
        let below = path.strip_prefix(&*self.path).unwrap_or(path);
        let mut place = self.path.to_path_buf();
        for part in below {
            place.push(part);
            let link = fs::symlink_metadata(&place)?;
            if link.is_symlink() {
                let target = fs::metadata(&place)?;
                if !target.is_dir() || target.uid() != link.uid() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// The path of an opened file without links.
fn real_path(file: &File, path: &Path) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).or_else(|_| fs::canonicalize(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A root with a file, and links out of it to a file and to a folder.
    fn site() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let outside = folder.path().join("outside");
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(root.join("in.txt"), "in").unwrap();
        fs::write(outside.join("out.txt"), "out").unwrap();
        symlink(outside.join("out.txt"), root.join("file.txt")).unwrap();
        symlink(&outside, root.join("folder")).unwrap();
        symlink("in.txt", root.join("inner.txt")).unwrap();
        (folder, root)
    }

    fn opens(root: &Root, relative: &str) -> bool {
        root.open(relative, Purpose::Read).is_ok()
    }

    #[test]
    fn links_out_of_the_root_follow_the_policy() {
        let (_folder, path) = site();
        for (symlinks, file, folder) in [
            (Symlinks::Never, false, false),
            (Symlinks::Owned, false, true),
            (Symlinks::Always, true, true),
        ] {
            let root = Root::new(&path, symlinks);
            assert!(opens(&root, "/in.txt"), "{symlinks:?}");
            assert!(opens(&root, "/inner.txt"), "{symlinks:?}");
            assert_eq!(opens(&root, "/file.txt"), file, "{symlinks:?}");
            assert_eq!(opens(&root, "/folder/out.txt"), folder, "{symlinks:?}");
        }
    }

    #[test]
    fn scripts_are_remembered_for_a_moment_and_in_bounds() {
        let (_folder, path) = site();
        let root = Root::new(&path, Symlinks::Never);
        let now = Instant::now();
        assert_eq!(root.recent_script("/a.php", now), None);
        root.remember_script("/a.php", now);
        assert_eq!(root.recent_script("/a.php", now), Some(path.join("a.php")));
        assert_eq!(root.recent_script("/a.php", now + SCRIPT_TTL), None);
        for number in 0..MAX_SCRIPTS * 2 {
            root.remember_script(&format!("/{number}.php"), now);
        }
        assert!(root.scripts.read().unwrap().len() <= MAX_SCRIPTS);
    }

    #[test]
    fn switched_root_link_is_noticed() {
        let (folder, path) = site();
        let current = folder.path().join("current");
        symlink(&path, &current).unwrap();
        let root = Root::new(&current, Symlinks::Never);
        assert!(opens(&root, "/in.txt"));
        fs::remove_file(&current).unwrap();
        symlink(folder.path().join("outside"), &current).unwrap();
        assert!(opens(&root, "/out.txt"));
    }
}
