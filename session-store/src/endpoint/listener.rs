//! Where PHP's connections come in.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A TCP port or a Unix socket; the socket's file is removed on drop.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: String,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// An accepted connection.
pub(super) enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    /// Listens at `host:port` or `unix:PATH`.
    ///
    /// Whoever can connect can read and write every session: use a Unix
    /// socket in a folder of the right users, or a port on loopback.
    ///
    /// # Errors
    ///
    /// As the system refuses; the socket of a process that has died is
    /// replaced, one that answers is not.
    pub async fn bind(address: &str) -> io::Result<Self> {
        match address.strip_prefix("unix:") {
            Some(path) => Self::bind_unix(Path::new(path)),
            None => {
                let listener = TcpListener::bind(address).await?;
                let address = listener.local_addr()?.to_string();
                let socket = Socket::Tcp(listener);
                Ok(Self { socket, address })
            }
        }
    }

    fn bind_unix(path: &Path) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            other => other?,
        };
        Ok(Self {
            socket: Socket::Unix(listener, path.to_owned()),
            // PHP may run in another folder.
            address: format!("unix:{}", std::path::absolute(path)?.display()),
        })
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _): (_, SocketAddr) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Tcp(stream))
            }
            Socket::Unix(listener, _) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

fn is_abandoned(path: &Path) -> bool {
    let answer = std::os::unix::net::UnixStream::connect(path);
    answer.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Socket::Unix(_, path) = &self.socket {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}
