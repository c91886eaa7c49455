//! Where a program is, or how to install it.

use std::env;
use std::path::{Path, PathBuf};

/// Finds `name` in `PATH` and in the folders of system programs.
///
/// # Panics
///
/// When it is not installed; the message holds the apt line that installs
/// `package`.
#[track_caller]
#[must_use]
pub fn tool(name: &str, package: &str) -> PathBuf {
    try_tool(name).unwrap_or_else(|| {
        panic!("`{name}` is not installed; run: apt-get install --no-install-recommends {package}")
    })
}

/// Finds `name` as [`tool`] does, or returns `None`.
#[must_use]
pub fn try_tool(name: &str) -> Option<PathBuf> {
    folders()
        .map(|folder| folder.join(name))
        .find(|candidate| is_program(candidate))
}

/// Where programs are: `PATH` and the folders of system programs.
pub(crate) fn folders() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own: Vec<PathBuf> = env::split_paths(&path).collect();
    let system = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    own.into_iter().chain(system)
}

pub(crate) fn is_program(path: &Path) -> bool {
    path.is_file()
}
