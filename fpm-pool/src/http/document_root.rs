//! A document root and its rules, as hosts set them.

use std::fs;
use std::io;
use std::path::Path;

use super::root::{Root, Symlinks};

/// A folder that is served, and what of it is a script, a file or nothing.
///
/// Paths are decoded once and cleaned before anything is opened; whatever
/// climbs out of the root is refused. Files are opened and then checked, so
/// that a link which is switched in between leads nowhere. Hidden names
/// (`.env`, `.git`), copies of sources (`a.php~`, `db.inc`) and what lies
/// below a file (`/upload/x.jpg/y.php`) are missing.
///
/// # Examples
///
/// ```
/// use fpm_pool::http::{DocumentRoot, Resolved};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path();
/// std::fs::write(path.join("index.php"), "<?php phpinfo();")?;
/// std::fs::write(path.join("logo.svg"), "<svg/>")?;
/// let root = DocumentRoot::new(path).front_controller("index.php").deny("/data");
///
/// let Resolved::Script(script) = root.resolve(&"/user/7?tab=1".parse()?)? else {
///     panic!("the front controller takes what is no file");
/// };
/// assert_eq!(script.name(), "/index.php");
/// assert!(matches!(root.resolve(&"/logo.svg".parse()?)?, Resolved::File(_)));
/// assert!(matches!(root.resolve(&"/data/x".parse()?)?, Resolved::Missing));
/// assert!(matches!(root.resolve(&"/../etc/passwd".parse()?)?, Resolved::BadPath));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DocumentRoot {
    pub(super) root: Root,
    /// The path below the root of the script that gets what is no file;
    /// starts with `/`.
    pub(super) front_controller: Option<String>,
    /// Paths that are never shown, with all below them; each starts with `/`
    /// and ends without.
    denied: Vec<String>,
    /// Names tried in a folder, in this order.
    pub(super) index: Vec<String>,
}

impl DocumentRoot {
    /// The folder `path`, with `index.php` and `index.html` as what a folder
    /// shows. It need not be there yet, and may be a link that is switched
    /// later; [`check`](Self::check) says whether it is there now.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            root: Root::new(path.as_ref(), Symlinks::default()),
            front_controller: None,
            denied: Vec::new(),
            index: vec!["index.php".to_owned(), "index.html".to_owned()],
        }
    }

    /// The script below the root that gets every path which is no file:
    /// `index.php`.
    #[must_use]
    pub fn front_controller(mut self, script: &str) -> Self {
        self.front_controller = Some(below_root(script));
        self
    }

    /// Shows nothing at this path and below it. May be called repeatedly.
    #[must_use]
    pub fn deny(mut self, path: &str) -> Self {
        let path = below_root(path);
        // Without its slash, the root is in front of every path.
        self.denied
            .push(path.strip_suffix('/').unwrap_or(&path).to_owned());
        self
    }

    /// Which links out of the root are followed.
    #[must_use]
    pub fn symlinks(mut self, policy: Symlinks) -> Self {
        self.root = self.root.with_symlinks(policy);
        self
    }

    /// What a folder shows: the first of these names that is a file.
    #[must_use]
    pub fn index<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.index = names.into_iter().map(Into::into).collect();
        self
    }

    /// The folder, made absolute; links in it are kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Whether the folder is there.
    ///
    /// # Errors
    ///
    /// When it does not exist, cannot be reached, or is no folder.
    pub fn check(&self) -> io::Result<()> {
        match fs::metadata(self.path())?.is_dir() {
            true => Ok(()),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Whether [`deny`](Self::deny) forbids `path`.
    pub(super) fn denies(&self, path: &str) -> bool {
        self.denied.iter().any(|denied| {
            path.strip_prefix(&**denied)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// Settings are shared until one changes; nothing is remembered in the copy.
impl Clone for DocumentRoot {
    fn clone(&self) -> Self {
        Self {
            root: self.root.with_symlinks(self.root.symlinks()),
            front_controller: self.front_controller.clone(),
            denied: self.denied.clone(),
            index: self.index.clone(),
        }
    }
}

/// `index.php` and `/index.php/` as `/index.php`.
fn below_root(path: &str) -> String {
    format!("/{}", path.trim_matches('/'))
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::*;
    use crate::http::Resolved;

    #[test]
    fn denied_root_shows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.txt"), "text").unwrap();
        let root = DocumentRoot::new(folder.path()).deny("/");
        for target in ["/", "/a.txt"] {
            let nothing = root.resolve(&Uri::from_static(target)).unwrap();
            assert!(matches!(nothing, Resolved::Missing), "{target}");
        }
    }

    #[test]
    fn missing_root_is_said_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let root = DocumentRoot::new(folder.path().join("later"));
        assert!(root.check().is_err());
        let nothing = root.resolve(&Uri::from_static("/a.txt")).unwrap();
        assert!(matches!(nothing, Resolved::Missing));
        fs::create_dir(root.path()).unwrap();
        fs::write(root.path().join("a.txt"), "text").unwrap();
        assert!(root.check().is_ok());
        let found = root.resolve(&Uri::from_static("/a.txt")).unwrap();
        assert!(matches!(found, Resolved::File(found) if found.name() == "/a.txt"));
    }
}
