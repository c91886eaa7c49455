//! Who is at the other end of a connection.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fpm_pool::http::Origin;

use super::io::FileQueue;
use crate::listener::Accepted;

/// What all requests of a connection share.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) origin: Origin,
    /// Set when a request body is left unread; the connection then lingers.
    pub(crate) unread: Arc<AtomicBool>,
    /// Takes files that the kernel sends; without TLS and frames only.
    pub(crate) files: Option<Arc<FileQueue>>,
}

impl Client {
    pub(crate) fn new(accepted: &Accepted, https: bool) -> Self {
        let origin = match accepted {
            Accepted::Tcp(stream) => {
                let mut origin = Origin::unix();
                origin.client = stream.peer_addr().ok();
                origin.local = stream.local_addr().ok();
                origin
            }
            Accepted::Unix(_) => Origin::unix(),
        };
        Self {
            origin: origin.https(https),
            unread: Arc::default(),
            files: None,
        }
    }
}
