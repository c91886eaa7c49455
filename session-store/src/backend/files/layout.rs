//! Where PHP keeps the file of a session: `<base>/<c1>/…/sess_<id>`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result, SessionId};

/// PHP's `session.save_path` for the `files` handler: `[depth;[mode;]]path`.
///
/// # Examples
///
/// ```
/// use session_store::backend::FilesLayout;
///
/// let layout = FilesLayout::from_save_path("2;0660;/var/lib/sessions")?;
/// assert_eq!((layout.depth, layout.mode), (2, 0o660));
/// assert_eq!(layout.base.to_str(), Some("/var/lib/sessions"));
/// assert!(FilesLayout::from_save_path("-1;/tmp").is_err());
/// # Ok::<(), session_store::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilesLayout {
    /// The folder. It must exist.
    pub base: PathBuf,
    /// How many folders of one letter stand above a file. PHP never makes
    /// them; this crate does, when it needs one.
    pub depth: usize,
    /// Mode of new files, less the umask. Default 0600.
    pub mode: u32,
}

pub(super) const PREFIX: &str = "sess_";
const LONGEST_NAME: usize = 255;

impl FilesLayout {
    /// All files in one folder, mode 0600.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self {
            base: base.into(),
            depth: 0,
            mode: 0o600,
        }
    }

    /// Reads PHP's setting; an empty path is the system's folder for
    /// temporary files.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a depth that is no number or a mode above
    /// 07777. PHP takes junk for zero, which makes files nobody can open.
    pub fn from_save_path(save_path: &str) -> Result<Self> {
        let mut parts = save_path.splitn(3, ';');
        let first = parts.next().unwrap_or_default();
        let (depth, mode, base) = match (parts.next(), parts.next()) {
            (None, _) => ("0", "600", first),
            (Some(base), None) => (first, "600", base),
            (Some(mode), Some(base)) => (first, mode, base),
        };
        let wrong = || {
            let what = "use a save path that is not [depth;[mode;]]path";
            Error::new(ErrorKind::Config, "files", what)
        };
        let depth = depth.parse().map_err(|_| wrong())?;
        let mode = u32::from_str_radix(mode, 8).map_err(|_| wrong())?;
        if mode > 0o7777 {
            return Err(wrong());
        }
        let base = match base {
            "" => std::env::temp_dir(),
            base => PathBuf::from(base),
        };
        Ok(Self { base, depth, mode })
    }

    /// The file of a session.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if the id is not longer than the depth,
    /// [`ErrorKind::TooLarge`] above the 250 characters that a file name
    /// leaves it; PHP's `session_start()` fails for both.
    pub fn path(&self, id: &SessionId) -> Result<PathBuf> {
        let id = id.as_str();
        if id.len() <= self.depth {
            let what = "use an id as short as the depth of the folders";
            return Err(Error::new(ErrorKind::Unsupported, self.name(), what));
        }
        if id.len() > LONGEST_NAME - PREFIX.len() {
            let what = "use an id longer than a file name";
            return Err(Error::new(ErrorKind::TooLarge, self.name(), what));
        }
        let base = self.base.as_os_str();
        let mut path =
            OsString::with_capacity(base.len() + 2 * self.depth + 1 + PREFIX.len() + id.len());
        path.push(base);
        for letter in 0..self.depth {
            path.push("/");
            path.push(&id[letter..=letter]);
        }
        path.push("/");
        path.push(PREFIX);
        path.push(id);
        Ok(path.into())
    }

    /// How messages name this place.
    pub(super) fn name(&self) -> String {
        format!("files at {}", self.base.display())
    }

    /// Makes the folders above `path` that PHP would only look for.
    pub(super) fn make_folders(&self, path: &Path) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;

        if self.depth == 0 || !self.base.is_dir() {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        let parent = path.parent().unwrap_or(&self.base);
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(parent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lies_where_php_puts_it() {
        let mut layout = FilesLayout::new("/dir");
        let id = SessionId::parse("abcdef").unwrap();
        assert_eq!(layout.path(&id).unwrap().to_str(), Some("/dir/sess_abcdef"));
        layout.depth = 2;
        let path = layout.path(&id).unwrap();
        assert_eq!(path.to_str(), Some("/dir/a/b/sess_abcdef"));
        layout.depth = 6;
        assert_eq!(layout.path(&id).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn later_semicolons_belong_to_the_path() {
        let layout = FilesLayout::from_save_path("1;600;/a;b").unwrap();
        assert_eq!(layout.base.to_str(), Some("/a;b"));
        let layout = FilesLayout::from_save_path("/plain").unwrap();
        assert_eq!((layout.depth, layout.mode), (0, 0o600));
        assert!(FilesLayout::from_save_path("x;/a").is_err());
        assert!(FilesLayout::from_save_path("0;9;/a").is_err());
        assert!(FilesLayout::from_save_path("0;10000;/a").is_err());
    }

    #[test]
    fn an_id_that_no_file_name_holds_is_refused() {
        let layout = FilesLayout::new("/dir");
        let longest = SessionId::parse(&"a".repeat(250)).unwrap();
        assert!(layout.path(&longest).is_ok());
        let longer = SessionId::parse(&"a".repeat(251)).unwrap();
        assert_eq!(
            layout.path(&longer).unwrap_err().kind(),
            ErrorKind::TooLarge
        );
    }
}
