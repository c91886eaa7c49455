//! A file system of the test's own: small enough to fill, and with a view of
//! it that takes no writes.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::tool;

/// Set in a test that runs where its mounts are seen by nobody else.
const MARK: &str = "PEERS_OWN_MOUNTS";

/// Runs `body` in a process that may mount and whose mounts end with it.
///
/// `test` is the name of the calling test as its harness knows it: the test
/// program is started again, for that test alone, in a mount namespace.
///
/// # Panics
///
/// When the machine allows no mount namespace, or when the test fails there.
#[track_caller]
pub fn in_own_mounts(test: &str, body: impl FnOnce()) {
    if env::var_os(MARK).is_some() {
        body();
        return;
    }
    let program = env::current_exe().expect("a program knows where it is");
    let done = Command::new(tool("unshare", "util-linux"))
        .arg(flags())
        .args(["--propagation", "private"])
        .arg(program)
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(MARK, "1")
        .output()
        .expect("unshare starts");
    let output = String::from_utf8_lossy(&done.stdout);
    let passed = done.status.success() && output.contains("1 passed");
    assert!(passed, "{output}{}", String::from_utf8_lossy(&done.stderr));
    print!("{output}");
}

/// As root a namespace of mounts, else one of users too.
#[track_caller]
fn flags() -> &'static str {
    let works = |flags: &&str| {
        let tried = Command::new(tool("unshare", "util-linux"))
            .args([flags, "true"])
            .output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    ["-m", "-rm"].into_iter().find(works).unwrap_or_else(|| {
        panic!(
            "neither `unshare -m` nor `unshare -rm` works: run the test as root, or allow user \
             namespaces (sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=1000)"
        )
    })
}

/// A mounted file system in memory, for use [`in_own_mounts`].
#[derive(Debug)]
pub struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Mounts an empty one; `size` as `mount` takes it, such as `4m`.
    ///
    /// # Panics
    ///
    /// When it cannot be mounted.
    #[track_caller]
    #[must_use]
    pub fn mount(size: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("disk-")
            .tempdir()
            .expect("the temporary folder is writable");
        let disk = Self { folder };
        fs::create_dir(disk.path()).expect("the folder is new");
        fs::create_dir(disk.view()).expect("the folder is new");
        mount(
            &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"],
            &disk.path(),
        );
        disk
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// The same files on a mount that takes no writes.
    ///
    /// # Panics
    ///
    /// When it cannot be mounted.
    #[track_caller]
    #[must_use]
    pub fn read_only(&self) -> PathBuf {
        let view = self.view();
        let disk = self.path();
        mount(&["--bind", disk.to_str().expect("a plain path")], &view);
        mount(&["-o", "remount,bind,ro"], &view);
        view
    }

    /// Leaves no byte free.
    ///
    /// # Panics
    ///
    /// When it has more than 64 MB.
    pub fn fill(&self) {
        let mut filler = File::create(self.filler()).expect("an inode is left");
        for size in [64 << 10, 4096, 1] {
            let block = vec![b'x'; size];
            let full = (0..4096).any(|_| filler.write_all(&block).is_err());
            assert!(full, "the file system is too large to fill");
        }
    }

    /// Gives the space back that [`fill`](Self::fill) took.
    ///
    /// # Panics
    ///
    /// When it was not filled.
    pub fn free(&self) {
        fs::remove_file(self.filler()).expect("it was filled");
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    fn view(&self) -> PathBuf {
        self.folder.path().join("read-only")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for place in [self.view(), self.path()] {
            // A view that was not asked for is not mounted.
            let _ = Command::new(tool("umount", "mount"))
                .arg("-lq")
                .arg(place)
                .output();
        }
    }
}

#[track_caller]
fn mount(arguments: &[&str], place: &Path) {
    let done = Command::new(tool("mount", "mount"))
        .args(arguments)
        .arg(place)
        .output()
        .expect("mount starts");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "mount {arguments:?}: {errors}");
}
