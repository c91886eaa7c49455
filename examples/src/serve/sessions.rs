//! `--sessions`: PHP keeps its sessions in a store of this process's choice.
//!
//! Workers load a PHP file that talks to us over a Unix socket; PHP needs no
//! extension for it.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use nix::unistd::User;
use session_store::Store;
use session_store::endpoint::{Endpoint, Listener, Protocol, ini, prepend_file};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::failure::Failure;

/// The endpoint for the workers, with its socket and PHP file.
#[derive(Debug)]
pub(super) struct Sessions {
    task: JoinHandle<()>,
    php_file: String,
    _folder: TempDir,
}

impl Sessions {
    /// Opens the store and listens; `user` is who the workers run as, if not
    /// who we do.
    ///
    /// # Errors
    ///
    /// When the store cannot be opened, or the socket not be made.
    pub(super) async fn start(url: &str, user: Option<&str>) -> Result<Self, Failure> {
        let store = Store::open(url).await.map_err(Failure::Sessions)?;
        let failed = |cause| Failure::System {
            what: "the socket for the sessions cannot be made",
            cause,
        };
        let folder = tempfile::Builder::new().prefix("serve-sessions-").tempdir();
        let folder = folder.map_err(failed)?;
        let address = format!("unix:{}", folder.path().join("socket").display());
        let listener = Listener::bind(&address).await.map_err(failed)?;
        let php_file = folder.path().join("session-store.php");
        fs::write(&php_file, prepend_file(listener.address()))
            .and_then(|()| share(folder.path(), user))
            .map_err(failed)?;
        tracing::info!(
            store = store.backend().name(),
            "PHP's sessions are kept here"
        );
        let endpoint = Endpoint::new(Protocol::Prepend, store);
        let task = tokio::spawn(async move {
            if let Err(error) = endpoint.run(&listener).await {
                tracing::error!("sessions are no longer served: {error}");
            }
        });
        Ok(Self {
            task,
            php_file: php_file.display().to_string(),
            _folder: folder,
        })
    }

    /// The settings of the workers, as `-d` takes them.
    pub(super) fn defines(&self) -> impl Iterator<Item = String> {
        let settings = ini(Protocol::Prepend, &self.php_file).into_iter();
        settings.map(|(name, value)| format!("{name}={value}"))
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Lets the workers in, and nobody else: who reaches the socket can read
/// every session.
fn share(folder: &Path, user: Option<&str>) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    let Some(name) = user else {
        return Ok(());
    };
    let user = User::from_name(name)?.ok_or_else(|| {
        let what = format!("there is no user {name}");
        io::Error::new(io::ErrorKind::NotFound, what)
    })?;
    for entry in fs::read_dir(folder)? {
        chown(entry?.path(), Some(user.uid.as_raw()), None)?;
    }
    chown(folder, Some(user.uid.as_raw()), None)
}
