//! Accepting connections.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::string::ToString;

use socket2::{Domain, Socket};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::{Address, AllowedPeers, Stream};

/// Accepts connections over TCP or a Unix socket.
#[derive(Debug)]
pub struct Listener {
    socket: ListenerSocket,
    allowed: Option<AllowedPeers>,
}

#[derive(Debug)]
enum ListenerSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens at `address`. A Unix socket on whose path nobody listens any
    /// more is replaced.
    ///
    /// # Errors
    ///
    /// What the system says: the address is in use, or not to be had.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        let socket = match address {
            Address::Tcp(address) => ListenerSocket::Tcp(TcpListener::bind(address).await?),
            Address::Unix(path) => {
                remove_dead_socket(path).await;
                ListenerSocket::Unix(UnixListener::bind(path)?)
            }
        };
        Ok(Self {
            socket,
            allowed: None,
        })
    }

    /// Listens on the socket that the parent process left on descriptor 0
    /// (`FCGI_LISTENSOCK_FILENO`; FastCGI 1.0, section 2.2), and serves only
    /// the peers that `FCGI_WEB_SERVER_ADDRS` names, if it is set.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if descriptor 0 is no listening TCP or Unix socket: the
    /// program was not started as a FastCGI application.
    pub fn from_fd0() -> io::Result<Self> {
        let no_listener = || {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "descriptor 0 is not a listening socket",
            )
        };
        let socket = Socket::from(io::stdin().as_fd().try_clone_to_owned()?);
        let domain = socket.local_addr().map_err(|_| no_listener())?.domain();
        // A listening socket has no peer (section 2.2 names this test).
        match socket.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            _ => return Err(no_listener()),
        }
        socket.set_nonblocking(true)?;
        let fd = OwnedFd::from(socket);
        let socket = match domain {
            Domain::UNIX => ListenerSocket::Unix(UnixListener::from_std(fd.into())?),
            Domain::IPV4 | Domain::IPV6 => ListenerSocket::Tcp(TcpListener::from_std(fd.into())?),
            _ => return Err(no_listener()),
        };
        Ok(Self {
            socket,
            allowed: AllowedPeers::from_env(),
        })
    }

    /// Serves only these peers from now on.
    #[must_use]
    pub fn allow_only(mut self, allowed: AllowedPeers) -> Self {
        self.allowed = Some(allowed);
        self
    }

    /// Accepts the next connection of a peer that may connect. Safe to drop
    /// while it waits.
    ///
    /// # Errors
    ///
    /// What the system says; out of descriptors, for example. The listener
    /// stays usable.
    pub async fn accept(&self) -> io::Result<Stream> {
        loop {
            let (stream, peer) = match &self.socket {
                ListenerSocket::Tcp(listener) => {
                    let (stream, peer) = listener.accept().await?;
                    // A peer that is gone already is found out by reading.
                    let _ = stream.set_nodelay(true);
                    (Stream::Tcp(stream), Some(peer.ip()))
                }
                ListenerSocket::Unix(listener) => (Stream::Unix(listener.accept().await?.0), None),
            };
            match &self.allowed {
                Some(allowed) if !allowed.permits(peer) => drop(stream),
                _ => return Ok(stream),
            }
        }
    }

    /// Where it listens, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a Unix socket without a path.
    pub fn local_address(&self) -> io::Result<Address> {
        match &self.socket {
            ListenerSocket::Tcp(listener) => Ok(Address::Tcp(listener.local_addr()?.to_string())),
            ListenerSocket::Unix(listener) => listener
                .local_addr()?
                .as_pathname()
                .map(|path| Address::Unix(path.into()))
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a nameless socket")),
        }
    }
}

/// Removes a socket that a program left behind. One that is alive stays, and
/// binding fails as it should.
async fn remove_dead_socket(path: &Path) {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if !is_socket {
        return;
    }
    if let Err(error) = UnixStream::connect(path).await
        && error.kind() == io::ErrorKind::ConnectionRefused
    {
        // Binding says what is wrong if it cannot be removed.
        let _ = fs::remove_file(path);
    }
}
