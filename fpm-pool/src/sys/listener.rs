//! A listening Unix socket that has no name once it exists.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

/// A listening socket for one worker. Its name is removed as soon as it is
/// bound: nothing is left behind however the supervisor ends, and nobody else
/// can connect. A descriptor of the name (`O_PATH`) stays to connect with.
#[derive(Debug)]
pub(crate) struct PrivateListener {
    pub(crate) listener: UnixListener,
    pub(crate) name: OwnedFd,
}

impl PrivateListener {
    /// Binds a socket inside a folder of its own that only this user may
    /// enter, and removes both.
    pub(crate) fn bind() -> io::Result<Self> {
        let folder = Folder::create()?;
        let opened = open_path(&folder.path)?;
        // Through the descriptor, as a socket's name is limited to 107 bytes.
        let path = by_descriptor(&opened).join("s");
        let listener = UnixListener::bind(&path)?;
        let name = open_path(&path);
        let removed = fs::remove_file(&path);
        let name = name?;
        removed?;
        Ok(Self {
            listener,
            name: name.into(),
        })
    }

    /// Connects to the socket that `name` was the name of, without waiting:
    /// `EAGAIN` when too many connections wait to be accepted.
    pub(crate) fn connect(name: &OwnedFd) -> io::Result<UnixStream> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        let address = UnixAddr::new(&by_descriptor(name))?;
        connect(socket.as_raw_fd(), &address)?;
        Ok(socket.into())
    }
}

fn open_path(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_CLOEXEC)
        .open(path)
}

fn by_descriptor(fd: &impl AsRawFd) -> PathBuf {
    format!("/proc/self/fd/{}", fd.as_raw_fd()).into()
}

/// A new folder, removed on drop.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn create() -> io::Result<Self> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        loop {
            let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
            let name = format!("fpm-pool-{}-{serial}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing more can be done about a folder that cannot be removed.
        let _ = fs::remove_dir(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_socket_without_a_name_accepts_connections() {
        let socket = PrivateListener::bind().unwrap();
        let mut here = PrivateListener::connect(&socket.name).unwrap();
        let (mut there, _) = socket.listener.accept().unwrap();
        here.set_nonblocking(false).unwrap();
        here.write_all(b"hello").unwrap();
        drop(here);
        let mut got = String::new();
        there.read_to_string(&mut got).unwrap();
        assert_eq!(got, "hello");
        let prefix = format!("fpm-pool-{}-", std::process::id());
        let left = fs::read_dir(std::env::temp_dir())
            .unwrap()
            .flatten()
            .any(|entry| {
                let name = entry.file_name();
                name.to_string_lossy().starts_with(&prefix) && entry.path().join("s").exists()
            });
        assert!(!left);
    }

    #[test]
    fn a_full_backlog_is_said_at_once() {
        let socket = PrivateListener::bind().unwrap();
        let mut waiting = Vec::new();
        let error = loop {
            match PrivateListener::connect(&socket.name) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        assert!(crate::sys::is_exhausted(&error), "{error}");
        drop(socket);
    }

    #[test]
    fn nobody_listens_once_the_listener_is_gone() {
        let socket = PrivateListener::bind().unwrap();
        drop(socket.listener);
        let error = PrivateListener::connect(&socket.name).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
