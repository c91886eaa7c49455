//! A listening socket of any kind, and the streams that it accepts.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockRef, Socket};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::address::{Address, ListenAddress};

/// A listening socket; a Unix socket that we bound is removed on drop.
#[derive(Debug)]
pub struct Listener {
    socket: ListenSocket,
    /// The socket file that is ours to remove.
    owned: Option<PathBuf>,
}

#[derive(Debug)]
enum ListenSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

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
    /// Those of the system calls; `AddrInUse` also when a server answers on
    /// the socket file, and `InvalidInput` when descriptor 0 is not a
    /// listening TCP or Unix socket.
    pub async fn bind(address: &ListenAddress) -> io::Result<Self> {
        let (socket, owned) = match address {
            ListenAddress::Bind(Address::Tcp(address)) => {
                (ListenSocket::Tcp(TcpListener::bind(address).await?), None)
            }
            ListenAddress::Bind(Address::Unix(path)) => {
                remove_stale(path)?;
                let socket = UnixListener::bind(path)?;
                (ListenSocket::Unix(socket), Some(path.clone()))
            }
            ListenAddress::Fd0 => (inherited()?, None),
        };
        Ok(Self { socket, owned })
    }

    /// Waits for the next connection. Cancel safe.
    ///
    /// # Errors
    ///
    /// Those of `accept`: a lack of descriptors passes, so log it, wait a
    /// little and go on.
    pub async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            ListenSocket::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                // It fails on a connection that is gone already: reading tells.
                let _ = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream))
            }
            ListenSocket::Unix(socket) => Ok(Accepted::Unix(socket.accept().await?.0)),
        }
    }
}

/// The address as a client would write it, for the line `listening on …`.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.socket, &self.owned) {
            (ListenSocket::Tcp(socket), _) => match socket.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("an unknown address"),
            },
            (ListenSocket::Unix(_), Some(path)) => write!(f, "unix:{}", path.display()),
            (ListenSocket::Unix(socket), None) => {
                let address = socket.local_addr().ok();
                match address.as_ref().and_then(|address| address.as_pathname()) {
                    Some(path) => write!(f, "unix:{}", path.display()),
                    None => f.write_str("fd0"),
                }
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.owned {
            // It may be gone already; there is nobody left to tell.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes a socket file on which nobody listens.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        // Not a socket: `bind` says so, and the file stays.
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    match StdUnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(
            ErrorKind::AddrInUse,
            "another server answers on this socket",
        )),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

/// The listening socket that a process manager left as descriptor 0.
fn inherited() -> io::Result<ListenSocket> {
    let stdin = io::stdin();
    let not_ours = |what| io::Error::new(ErrorKind::InvalidInput, what);
    let inherited = SockRef::from(&stdin);
    if !inherited.is_listener().unwrap_or(false) {
        return Err(not_ours("descriptor 0 is not a listening socket"));
    }
    let domain = inherited.domain()?;
    let socket = Socket::from(stdin.as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    match domain {
        Domain::IPV4 | Domain::IPV6 => TcpListener::from_std(socket.into()).map(ListenSocket::Tcp),
        Domain::UNIX => UnixListener::from_std(socket.into()).map(ListenSocket::Unix),
        _ => Err(not_ours("descriptor 0 is neither a TCP nor a Unix socket")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
