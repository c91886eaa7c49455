//! Files, as far as a check needs them.

use std::borrow::Cow;
use std::path::Path;

/// Why a path cannot be used, in the system's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} ({errno})")]
#[non_exhaustive]
pub struct FileError {
    /// The system's number.
    pub errno: i32,
    /// The system's text, such as `No such file or directory`.
    pub text: Cow<'static, str>,
}

impl FileError {
    /// ENOENT.
    pub const NOT_FOUND: Self = Self::known(2, "No such file or directory");
    /// EACCES.
    pub const PERMISSION_DENIED: Self = Self::known(13, "Permission denied");
    /// ENOTDIR.
    pub const NOT_A_DIRECTORY: Self = Self::known(20, "Not a directory");
    /// EISDIR.
    pub const IS_A_DIRECTORY: Self = Self::known(21, "Is a directory");

    /// Any other number with its text.
    #[must_use]
    pub fn new(errno: i32, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            errno,
            text: text.into(),
        }
    }

    const fn known(errno: i32, text: &'static str) -> Self {
        Self {
            errno,
            text: Cow::Borrowed(text),
        }
    }
}

/// What is known of a path, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// Whether it is a folder.
    pub is_dir: bool,
    /// Permission bits, such as `0o640`.
    pub mode: u32,
    /// User id of the owner.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Metadata {
    /// Metadata from its four facts.
    #[must_use]
    pub const fn new(is_dir: bool, mode: u32, uid: u32, gid: u32) -> Self {
        Self {
            is_dir,
            mode,
            uid,
            gid,
        }
    }
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Entry {
    /// Its name.
    pub name: Vec<u8>,
    /// Whether it is a folder, if the listing tells; it does not for links.
    pub is_dir: Option<bool>,
}

impl Entry {
    /// An entry of this name.
    #[must_use]
    pub const fn new(name: Vec<u8>, is_dir: Option<bool>) -> Self {
        Self { name, is_dir }
    }
}

/// Reads files and looks at paths; writes nothing.
pub trait Files {
    /// The first `limit` bytes of a file; fewer if it ends before.
    ///
    /// # Errors
    ///
    /// The system's reason why it cannot be opened. A folder reads as empty,
    /// as it does for php-fpm.
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, FileError>;

    /// The entries of a folder, without `.` and `..`, in any order.
    ///
    /// # Errors
    ///
    /// The system's reason.
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, FileError>;

    /// What is at a path, links followed.
    ///
    /// # Errors
    ///
    /// The system's reason.
    fn metadata(&self, path: &Path) -> Result<Metadata, FileError>;

    /// Whether there is an entry at `path`, if only a link to nowhere.
    fn exists(&self, path: &Path) -> bool {
        self.metadata(path).is_ok()
    }

    /// Whether php-fpm could open `path` for appending, creating it if need
    /// be. Nothing is created here.
    ///
    /// # Errors
    ///
    /// The reason that the system would give.
    fn can_append(&self, path: &Path) -> Result<(), FileError>;
}
