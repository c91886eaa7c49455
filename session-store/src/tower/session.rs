//! What handlers hold.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::SessionError;
use super::cookie::CookieChange;
use super::state::State;
use crate::{Document, SessionId};

/// The session of one request. Clones are the same session.
///
/// The first use reads it, and locks it in
/// [`Mode::Locked`](super::Mode::Locked); the layer stores changes when the
/// handler has made its answer. Every method can fail as the store fails.
#[derive(Clone)]
pub struct Session(Arc<Mutex<State>>);

impl Session {
    pub(super) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// The session's id; `None` if there is no session yet. A new session
    /// gets its id when it is stored.
    pub async fn id(&self) -> Option<SessionId> {
        self.0.lock().await.id()
    }

    /// Reads a variable; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`SessionError::Value`] if it is not what the type expects.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.read(|document| document.get(name))
            .await?
            .map_err(SessionError::from)
    }

    /// Sets a variable; structs and maps become arrays.
    ///
    /// # Errors
    ///
    /// [`SessionError::Value`] if PHP has nothing like the value.
    pub async fn insert<T: Serialize + ?Sized>(
        &self,
        name: &str,
        value: &T,
    ) -> Result<(), SessionError> {
        let mut state = self.0.lock().await;
        state.open_for_change().await?;
        Ok(state.document.insert(name, value)?)
    }

    /// Sets members of a variable that is an array or object already; see
    /// [`Document::update`].
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    pub async fn update<T: Serialize + ?Sized>(
        &self,
        name: &str,
        value: &T,
    ) -> Result<(), SessionError> {
        let mut state = self.0.lock().await;
        state.open_for_change().await?;
        Ok(state.document.update(name, value)?)
    }

    /// Removes a variable; says whether it was there.
    ///
    /// # Errors
    ///
    /// As the store fails.
    pub async fn remove(&self, name: &str) -> Result<bool, SessionError> {
        self.change(|document| document.remove(name)).await
    }

    /// Looks at the whole session.
    ///
    /// # Errors
    ///
    /// As the store fails.
    pub async fn read<R>(&self, look: impl FnOnce(&Document) -> R) -> Result<R, SessionError> {
        let mut state = self.0.lock().await;
        state.open().await?;
        Ok(look(&state.document))
    }

    /// Changes the whole session.
    ///
    /// # Errors
    ///
    /// As the store fails.
    pub async fn change<R>(
        &self,
        change: impl FnOnce(&mut Document) -> R,
    ) -> Result<R, SessionError> {
        let mut state = self.0.lock().await;
        state.open_for_change().await?;
        Ok(change(&mut state.document))
    }

    /// Gives the session a new id when it is stored, as
    /// `session_regenerate_id(true)`. Do it whenever somebody logs in.
    ///
    /// # Errors
    ///
    /// As the store fails.
    pub async fn regenerate(&self) -> Result<(), SessionError> {
        let mut state = self.0.lock().await;
        state.open_for_change().await?;
        state.regenerate();
        Ok(())
    }

    /// Destroys the session and takes the visitor's cookie back: a logout,
    /// for PHP as well.
    ///
    /// # Errors
    ///
    /// As the store fails; the session then still exists.
    pub async fn destroy(&self) -> Result<(), SessionError> {
        self.0.lock().await.destroy().await
    }

    /// Stores changes now and lets other requests in, as
    /// `session_write_close()`. The next use opens the session again.
    ///
    /// # Errors
    ///
    /// [`SessionError::Conflict`] and [`SessionError::Gone`] say that
    /// nothing was stored; else as the store fails.
    pub async fn save(&self) -> Result<(), SessionError> {
        self.0.lock().await.save().await
    }

    /// Stores changes, and ends the session's use.
    pub(super) async fn finish(&self) -> (Result<(), SessionError>, CookieChange) {
        let mut state = self.0.lock().await;
        let saved = state.save().await;
        (saved, state.close())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
