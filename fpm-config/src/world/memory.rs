//! A world in memory: for tests, and for editors that check unsaved text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::accounts::{Account, Accounts, Group};
use super::environment::Environment;
use super::files::{Entry, FileError, Files, Metadata};

/// Files, variables and accounts that are listed one by one.
///
/// Folders exist as far as files in them do, and `/` always. Every path in an
/// existing folder can be written.
///
/// # Examples
///
/// ```
/// use fpm_config::world::{Files, MemoryWorld};
///
/// let mut world = MemoryWorld::default();
/// world.add_file("/etc/fpm.conf", "[www]\n");
/// assert!(world.metadata("/etc".as_ref())?.is_dir);
/// # Ok::<(), fpm_config::world::FileError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryWorld {
    files: BTreeMap<PathBuf, Vec<u8>>,
    metadata: BTreeMap<PathBuf, Metadata>,
    variables: BTreeMap<Vec<u8>, Vec<u8>>,
    php_ini: BTreeMap<Vec<u8>, Vec<u8>>,
    users: BTreeMap<Vec<u8>, Account>,
    groups: BTreeMap<Vec<u8>, Group>,
}

impl MemoryWorld {
    /// Adds or replaces a file.
    pub fn add_file(&mut self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), bytes.into());
    }

    /// Says who owns a path and what its mode is.
    pub fn set_metadata(&mut self, path: impl Into<PathBuf>, metadata: Metadata) {
        self.metadata.insert(path.into(), metadata);
    }

    /// Sets an environment variable.
    pub fn set_variable(&mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.variables.insert(name.into(), value.into());
    }

    /// Sets a value of php.ini.
    pub fn set_php_ini(&mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.php_ini.insert(name.into(), value.into());
    }

    /// Adds a user.
    pub fn add_user(&mut self, name: impl Into<Vec<u8>>, account: Account) {
        self.users.insert(name.into(), account);
    }

    /// Adds a group.
    pub fn add_group(&mut self, name: impl Into<Vec<u8>>, group: Group) {
        self.groups.insert(name.into(), group);
    }

    fn is_dir(&self, path: &Path) -> bool {
        let listed = self.metadata.get(path);
        path == Path::new("/")
            || listed.is_some_and(|metadata| metadata.is_dir)
            || self
                .files
                .keys()
                .any(|file| file != path && file.starts_with(path))
    }
}

impl Files for MemoryWorld {
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
        if self.is_dir(path) {
            return Ok(Vec::new());
        }
        let bytes = self.files.get(path).ok_or(FileError::NOT_FOUND)?;
        Ok(bytes[..bytes.len().min(limit)].to_vec())
    }

    fn list(&self, folder: &Path) -> Result<Vec<Entry>, FileError> {
        if self.files.contains_key(folder) {
            return Err(FileError::NOT_A_DIRECTORY);
        }
        if !self.is_dir(folder) {
            return Err(FileError::NOT_FOUND);
        }
        let mut names: Vec<Entry> = Vec::new();
        for path in self.files.keys().chain(self.metadata.keys()) {
            let inside = path.strip_prefix(folder).ok();
            if let Some(first) = inside.and_then(|rest| rest.iter().next()) {
                let is_dir = self.is_dir(&folder.join(first));
                let name = first.as_encoded_bytes().to_vec();
                names.push(Entry::new(name, Some(is_dir)));
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn metadata(&self, path: &Path) -> Result<Metadata, FileError> {
        if let Some(metadata) = self.metadata.get(path) {
            return Ok(*metadata);
        }
        if self.files.contains_key(path) {
            return Ok(Metadata::new(false, 0o644, 0, 0));
        }
        if self.is_dir(path) {
            return Ok(Metadata::new(true, 0o755, 0, 0));
        }
        Err(FileError::NOT_FOUND)
    }

    fn can_append(&self, path: &Path) -> Result<(), FileError> {
        if self.is_dir(path) {
            return Err(FileError::IS_A_DIRECTORY);
        }
        match path.parent() {
            Some(parent) if self.is_dir(parent) => Ok(()),
            _ => Err(FileError::NOT_FOUND),
        }
    }
}

impl Environment for MemoryWorld {
    fn variable(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.variables.get(name).cloned()
    }

    fn php_ini(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.php_ini.get(name).cloned()
    }
}

impl Accounts for MemoryWorld {
    fn user(&self, name: &[u8]) -> Option<Account> {
        self.users.get(name).copied()
    }

    fn user_by_id(&self, uid: u32) -> Option<Account> {
        self.users.values().find(|user| user.uid == uid).copied()
    }

    fn group(&self, name: &[u8]) -> Option<Group> {
        self.groups.get(name).copied()
    }
}
