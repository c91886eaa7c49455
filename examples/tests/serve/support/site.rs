//! A document root in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};

use peers::Redis;
use tempfile::TempDir;

/// A folder with files, removed on drop.
#[derive(Debug)]
pub(crate) struct Site(TempDir);

impl Site {
    /// A site of `files`: paths and contents.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let site = Self(tempfile::Builder::new().prefix("site-").tempdir().unwrap());
        for (name, content) in files {
            site.write(name, content);
        }
        site
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.join(name)).unwrap_or_default()
    }
}

/// A session store of each kind that real applications are tried with,
/// beside the document root.
pub(crate) fn stores(site: &Site, redis: &Redis) -> [String; 4] {
    [
        "memory:".to_owned(),
        format!("redb:{}", site.join("sessions.redb").display()),
        format!("sqlite:{}", site.join("sessions.db").display()),
        format!("redis://127.0.0.1:{}", redis.port),
    ]
}
