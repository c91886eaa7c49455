//! The sample site: files inside this program, unpacked while it runs.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

/// The files by their paths in the site.
const FILES: [(&str, &[u8]); 9] = [
    ("index.php", include_bytes!("../../site/index.php")),
    ("form.php", include_bytes!("../../site/form.php")),
    ("upload.php", include_bytes!("../../site/upload.php")),
    ("session.php", include_bytes!("../../site/session.php")),
    ("stream.php", include_bytes!("../../site/stream.php")),
    ("about.php", include_bytes!("../../site/about.php")),
    ("inc/page.php", include_bytes!("../../site/inc/page.php")),
    (
        "assets/style.css",
        include_bytes!("../../site/assets/style.css"),
    ),
    (
        "assets/logo.svg",
        include_bytes!("../../site/assets/logo.svg"),
    ),
];

/// Unpacks the site into a folder that is removed on drop.
///
/// # Errors
///
/// When the temporary folder cannot be written.
pub(super) fn unpack() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("serve-site-").tempdir()?;
    // Workers may run as another user.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    for (name, content) in FILES {
        let path = folder.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(folder)
}
