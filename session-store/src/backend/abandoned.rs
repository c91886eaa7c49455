//! Locks granted by a server to requests that no longer wait for them.

use std::future::Future;

use crate::{SessionId, Token};

/// A backend that can free a lock by its token alone.
pub(super) trait FreeByToken: Clone + Send + Sync + 'static {
    /// Frees the lock if it has this token. A failure is no one's to handle:
    /// the lock then ends with its lease.
    fn free_by_token(&self, id: &SessionId, token: &Token) -> impl Future<Output = ()> + Send;
}

/// Frees a lock that was granted to a request that no longer waits: made
/// before the server is asked, disarmed once its answer is here.
pub(super) struct Abandoned<'a, B: FreeByToken> {
    backend: &'a B,
    id: &'a SessionId,
    token: &'a Token,
    armed: bool,
}

impl<'a, B: FreeByToken> Abandoned<'a, B> {
    pub(super) fn new(backend: &'a B, id: &'a SessionId, token: &'a Token) -> Self {
        Self {
            backend,
            id,
            token,
            armed: true,
        }
    }

    pub(super) fn disarm(mut self) {
        self.armed = false;
    }
}

impl<B: FreeByToken> Drop for Abandoned<'_, B> {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.armed {
            let (backend, id, token) = (self.backend.clone(), self.id.clone(), self.token.clone());
            runtime.spawn(async move { backend.free_by_token(&id, &token).await });
        }
    }
}
