//! A listening socket of any kind, and the streams that it accepts.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use fastcgi_proto::driver::{self, Stream};
use tokio::net::{TcpStream, UnixStream};

use crate::address::{Address, ListenAddress};

/// A listening socket; a Unix socket that we bound is removed on drop.
#[derive(Debug)]
pub struct Listener {
    socket: driver::Listener,
    file: Option<SocketFile>,
}

/// A socket file of ours, removed on drop.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

/// An accepted connection.
#[derive(Debug)]
pub enum Accepted {
    /// Over TCP, with `TCP_NODELAY` set.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Listener {
    /// Binds `address`, or takes over descriptor 0.
    ///
    /// A socket file that nobody listens on any more is replaced; one that
    /// somebody still answers on is not.
    ///
    /// # Errors
    ///
    /// Those of the system calls; `InvalidInput` when descriptor 0 is not a
    /// listening TCP or Unix socket.
    pub async fn bind(address: &ListenAddress) -> io::Result<Self> {
        let address = match address {
            ListenAddress::Bind(address) => address,
            ListenAddress::Fd0 => {
                return Ok(Self {
                    socket: driver::Listener::from_fd0()?,
                    file: None,
                });
            }
        };
        let socket = driver::Listener::bind(&address.into()).await?;
        let file = match address {
            Address::Tcp(_) => None,
            Address::Unix(path) => Some(SocketFile(path.clone())),
        };
        Ok(Self { socket, file })
    }

    /// Waits for the next connection. Cancel safe.
    ///
    /// # Errors
    ///
    /// Those of `accept`: a lack of descriptors passes, so log it, wait a
    /// little and go on.
    pub async fn accept(&self) -> io::Result<Accepted> {
        match self.socket.accept().await? {
            Stream::Tcp(stream) => Ok(Accepted::Tcp(stream)),
            Stream::Unix(stream) => Ok(Accepted::Unix(stream)),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The socket for a FastCGI server, and the file to remove at its end.
    #[must_use]
    pub fn into_parts(self) -> (driver::Listener, Option<SocketFile>) {
        (self.socket, self.file)
    }
}

/// The address as a client would write it, for the line `listening on …`.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.socket.local_address() {
            Ok(address) => address.fmt(f),
            // A Unix socket without a path can only be inherited.
            Err(_) => f.write_str("fd0"),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already; there is nobody left to tell.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::path::Path;

    fn unix(path: &Path) -> ListenAddress {
        ListenAddress::Bind(Address::Unix(path.into()))
    }

    #[tokio::test]
    async fn stale_socket_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let listener = Listener::bind(&unix(&path)).await.unwrap();
        assert_eq!(listener.to_string(), format!("unix:{}", path.display()));
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn socket_in_use_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _first = Listener::bind(&unix(&path)).await.unwrap();
        let error = Listener::bind(&unix(&path)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn ordinary_file_is_never_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        fs::write(&path, "data").unwrap();
        assert!(Listener::bind(&unix(&path)).await.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"data");
    }
}
