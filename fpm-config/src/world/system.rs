//! This machine behind the traits.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{self, AccessFlags, Uid};

use super::accounts::{Account, Accounts, Group};
use super::environment::Environment;
use super::files::{Entry, FileError, Files, Metadata};
use crate::ini;
use crate::schema::PhpVersion;

/// The files, the environment and the accounts of this machine.
///
/// Accounts are looked up once per name: a tree of a thousand pools asks for
/// the same few.
#[derive(Debug, Default)]
pub struct System {
    php: PhpVersion,
    php_ini: HashMap<Vec<u8>, Vec<u8>>,
    users: RefCell<HashMap<Vec<u8>, Option<Account>>>,
    groups: RefCell<HashMap<Vec<u8>, Option<Group>>>,
}

impl System {
    /// This machine, with the variables of this process and no php.ini.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For another version of PHP than 8.2, which reads the php.ini files that
    /// are added from here on.
    #[must_use]
    pub fn for_php(mut self, php: PhpVersion) -> Self {
        self.php = php;
        self
    }

    /// Adds the values of a php.ini file; those of later files go first.
    /// php-fpm reads its `php.ini`, then `conf.d/*.ini` by name.
    ///
    /// # Errors
    ///
    /// The system's reason why the file cannot be read.
    pub fn read_php_ini(&mut self, path: &Path) -> Result<(), FileError> {
        let bytes = self.read(path, ini::MAX_BYTES)?;
        let values = ini::values(&bytes, self, self.php);
        self.php_ini.extend(values);
        Ok(())
    }

    /// Sets one value of php.ini, as php-fpm's `-d` does.
    pub fn set_php_ini(&mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.php_ini.insert(name.into(), value.into());
    }
}

impl Files for System {
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
        let mut file = File::open(path).map_err(|error| from_io(&error))?;
        // Most files fit at once: no need to ask for their length.
        let mut first = [0; 4096];
        let mut bytes = Vec::new();
        match file.read(&mut first[..limit.min(4096)]) {
            Ok(len) if len < first.len() => bytes.extend_from_slice(&first[..len]),
            Ok(len) => {
                let length = file.metadata().map_or(0, |metadata| metadata.len());
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                bytes.reserve_exact(length.min(limit).saturating_add(1));
                bytes.extend_from_slice(&first[..len]);
            }
            // Of a folder php-fpm reads nothing.
            Err(_) => return Ok(bytes),
        }
        let left = u64::try_from(limit - bytes.len()).unwrap_or(u64::MAX);
        match file.take(left).read_to_end(&mut bytes) {
            // php-fpm takes what it could read.
            Ok(_) | Err(_) => Ok(bytes),
        }
    }

    fn list(&self, folder: &Path) -> Result<Vec<Entry>, FileError> {
        let entries = std::fs::read_dir(folder).map_err(|error| from_io(&error))?;
        let entries = entries.map(|entry| {
            let entry = entry?;
            let kind = entry.file_type().ok().filter(|kind| !kind.is_symlink());
            let name = entry.file_name().as_bytes().to_vec();
            Ok(Entry::new(name, kind.map(|kind| kind.is_dir())))
        });
        entries
            .collect::<io::Result<_>>()
            .map_err(|error| from_io(&error))
    }

    fn metadata(&self, path: &Path) -> Result<Metadata, FileError> {
        let metadata = std::fs::metadata(path).map_err(|error| from_io(&error))?;
        Ok(Metadata::new(
            metadata.is_dir(),
            metadata.mode() & 0o7777,
            metadata.uid(),
            metadata.gid(),
        ))
    }

    fn exists(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok()
    }

    fn can_append(&self, path: &Path) -> Result<(), FileError> {
        if path.as_os_str().is_empty() {
            return Err(FileError::NOT_FOUND);
        }
        if let Some(name) = path.as_os_str().as_bytes().strip_suffix(b"/") {
            // A file cannot be created under a name that ends in a slash.
            let parent = Path::new(OsStr::from_bytes(name)).parent();
            let parent = parent.unwrap_or_else(|| Path::new("/"));
            let metadata = std::fs::metadata(parent).map_err(|error| from_io(&error))?;
            return Err(if metadata.is_dir() {
                FileError::IS_A_DIRECTORY
            } else {
                FileError::NOT_A_DIRECTORY
            });
        }
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Err(FileError::IS_A_DIRECTORY),
            Ok(_) => unistd::access(path, AccessFlags::W_OK).map_err(from_errno),
            Err(error) if error.kind() == io::ErrorKind::NotFound => can_create(path),
            Err(error) => Err(from_io(&error)),
        }
    }
}

/// Whether the folder of `path` takes a new file.
fn can_create(path: &Path) -> Result<(), FileError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let metadata = std::fs::metadata(parent).map_err(|error| from_io(&error))?;
    if !metadata.is_dir() {
        return Err(FileError::NOT_A_DIRECTORY);
    }
    unistd::access(parent, AccessFlags::W_OK | AccessFlags::X_OK).map_err(from_errno)
}

impl Environment for System {
    fn variable(&self, name: &[u8]) -> Option<Vec<u8>> {
        if name.is_empty() || name.contains(&b'=') {
            return None;
        }
        let value: OsString = std::env::var_os(OsStr::from_bytes(name))?;
        Some(value.as_bytes().to_vec())
    }

    fn php_ini(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.php_ini.get(name).cloned()
    }
}

impl Accounts for System {
    fn user(&self, name: &[u8]) -> Option<Account> {
        let mut users = self.users.borrow_mut();
        *users.entry(name.to_vec()).or_insert_with(|| {
            let name = std::str::from_utf8(name).ok()?;
            let user = unistd::User::from_name(name).ok().flatten()?;
            Some(Account::new(user.uid.as_raw(), user.gid.as_raw()))
        })
    }

    fn user_by_id(&self, uid: u32) -> Option<Account> {
        let user = unistd::User::from_uid(Uid::from_raw(uid)).ok().flatten()?;
        Some(Account::new(user.uid.as_raw(), user.gid.as_raw()))
    }

    fn group(&self, name: &[u8]) -> Option<Group> {
        let mut groups = self.groups.borrow_mut();
        *groups.entry(name.to_vec()).or_insert_with(|| {
            let name = std::str::from_utf8(name).ok()?;
            let group = unistd::Group::from_name(name).ok().flatten()?;
            Some(Group::new(group.gid.as_raw()))
        })
    }
}

fn from_io(error: &io::Error) -> FileError {
    from_errno(Errno::from_raw(error.raw_os_error().unwrap_or_default()))
}

fn from_errno(errno: Errno) -> FileError {
    FileError::new(errno as i32, errno.desc())
}
