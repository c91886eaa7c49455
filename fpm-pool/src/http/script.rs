//! The script of a request.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A script to run, and how its URL is made up.
///
/// [`DocumentRoot::resolve`](super::DocumentRoot::resolve) finds one by the
/// path of a request; a host with its own routing makes it.
///
/// # Examples
///
/// ```
/// use fpm_pool::http::Script;
///
/// // https://example.org/shop/index.php/cart
/// let script = Script::new("/srv/www", "/srv/www/shop/index.php", "/shop/index.php")
///     .with_path_info("/cart");
/// assert_eq!(script.path_info(), "/cart");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Script {
    document_root: Arc<Path>,
    filename: PathBuf,
    name: String,
    path_info: String,
}

impl Script {
    /// The script in the file `filename`, below `document_root` (both as the
    /// workers see them, absolute), whose URL path is `name`.
    ///
    /// Never make them of what a client sent without a check: whatever file
    /// is named here is run as PHP.
    #[must_use]
    pub fn new(
        document_root: impl Into<PathBuf>,
        filename: impl Into<PathBuf>,
        name: impl Into<String>,
    ) -> Self {
        Self::found(
            document_root.into().into(),
            filename.into(),
            name.into(),
            String::new(),
        )
    }

    pub(super) const fn found(
        document_root: Arc<Path>,
        filename: PathBuf,
        name: String,
        path_info: String,
    ) -> Self {
        Self {
            document_root,
            filename,
            name,
            path_info,
        }
    }

    /// The same script with what follows it in the URL, not encoded.
    #[must_use]
    pub fn with_path_info(self, path_info: impl Into<String>) -> Self {
        Self {
            path_info: path_info.into(),
            ..self
        }
    }

    /// `DOCUMENT_ROOT`.
    #[must_use]
    pub fn document_root(&self) -> &Path {
        &self.document_root
    }

    /// `SCRIPT_FILENAME`.
    #[must_use]
    pub fn filename(&self) -> &Path {
        &self.filename
    }

    /// `SCRIPT_NAME`: its URL path, not encoded.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `PATH_INFO`, empty when there is none.
    #[must_use]
    pub fn path_info(&self) -> &str {
        &self.path_info
    }
}
