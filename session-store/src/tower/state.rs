//! A session from its cookie to its last write.

use std::sync::Arc;

use bytes::Bytes;

use super::SessionError;
use super::config::{Config, Mode};
use super::cookie::CookieChange;
use crate::{
    Committed, Document, Limits, Locked, Merge, MergeOutcome, Optimistic, SerializeHandler,
    SessionId, Store,
};

/// A request's session and how it is held.
pub(super) struct State {
    store: Store,
    config: Arc<Config>,
    held: Held,
    pub(super) document: Document,
    regenerate: bool,
    cookie: CookieChange,
}

enum Held {
    /// Not looked at yet; the id is the cookie's.
    Unopened(Option<SessionId>),
    /// There is none; a change makes one.
    New,
    Locked(Locked),
    Optimistic(Optimistic),
    ReadOnly(SessionId),
    /// The answer has gone out.
    Closed,
}

impl State {
    pub(super) fn new(store: Store, config: Arc<Config>, id: Option<SessionId>) -> Self {
        Self {
            store,
            config,
            held: Held::Unopened(id),
            document: Document::new(),
            regenerate: false,
            cookie: CookieChange::Keep,
        }
    }

    /// Reads, and locks if the mode says so, unless that is done.
    pub(super) async fn open(&mut self) -> Result<(), SessionError> {
        let id = match &self.held {
            Held::Closed => return Err(SessionError::Closed),
            Held::Unopened(id) => id.clone(),
            _ => return Ok(()),
        };
        let Some(id) = id else {
            self.start_new();
            return Ok(());
        };
        match self.config.mode {
            Mode::Locked => self.open_locked(&id).await,
            Mode::Optimistic => {
                let read = self.store.optimistic(&id).await?;
                if !self.config.policy.accepts(read.data().is_some()) {
                    self.start_new();
                    return Ok(());
                }
                self.document = self.decode(read.data())?;
                self.note_alias(&id, &read.id().clone());
                self.held = Held::Optimistic(read);
                Ok(())
            }
            Mode::ReadOnly => {
                let entry = self.store.read(&id).await?;
                self.document = self.decode(entry.as_ref().map(|entry| &entry.bytes))?;
                self.held = Held::ReadOnly(id);
                Ok(())
            }
        }
    }

    async fn open_locked(&mut self, id: &SessionId) -> Result<(), SessionError> {
        let locked = self.store.lock(id).await?;
        if !self.config.policy.accepts(locked.data().is_some()) {
            locked.release().await?;
            self.start_new();
            return Ok(());
        }
        match self.decode(locked.data()) {
            Ok(document) => self.document = document,
            Err(error) => {
                locked.release().await?;
                return Err(error);
            }
        }
        self.note_alias(id, &locked.id().clone());
        self.held = Held::Locked(locked);
        Ok(())
    }

    /// Opens the session for a change.
    pub(super) async fn open_for_change(&mut self) -> Result<(), SessionError> {
        self.open().await?;
        match self.held {
            Held::ReadOnly(_) => Err(SessionError::ReadOnly),
            _ => Ok(()),
        }
    }

    fn start_new(&mut self) {
        self.document = Document::new();
        self.held = Held::New;
    }

    fn decode(&self, data: Option<&Bytes>) -> Result<Document, SessionError> {
        let Some(data) = data else {
            return Ok(Document::new());
        };
        let decoded = Document::decode(self.config.handler, data.clone(), &self.config.limits);
        decoded.map_err(|error| {
            self.store.count_corrupt();
            error.into()
        })
    }

    /// The visitor's id led to another one; tell the visitor.
    fn note_alias(&mut self, asked: &SessionId, found: &SessionId) {
        if asked != found {
            self.cookie = CookieChange::Set(found.clone());
        }
    }

    pub(super) fn id(&self) -> Option<SessionId> {
        match &self.held {
            Held::Unopened(id) => id.clone(),
            Held::Locked(locked) => Some(locked.id().clone()),
            Held::Optimistic(read) => Some(read.id().clone()),
            Held::ReadOnly(id) => Some(id.clone()),
            Held::New | Held::Closed => None,
        }
    }

    pub(super) const fn regenerate(&mut self) {
        self.regenerate = true;
    }

    /// Destroys the session and forgets the visitor's cookie.
    pub(super) async fn destroy(&mut self) -> Result<(), SessionError> {
        match &self.held {
            Held::Closed => return Err(SessionError::Closed),
            Held::ReadOnly(_) => return Err(SessionError::ReadOnly),
            Held::Unopened(Some(_)) if self.config.mode == Mode::ReadOnly => {
                return Err(SessionError::ReadOnly);
            }
            _ => {}
        }
        self.regenerate = false;
        self.document = Document::new();
        // If the store fails, the visitor still has the session.
        let still = Held::Unopened(self.id());
        let outcome = match std::mem::replace(&mut self.held, still) {
            Held::Locked(locked) => locked.destroy().await?,
            Held::Optimistic(read) => self.store.destroy(read.id()).await?,
            Held::Unopened(Some(id)) => self.store.destroy(&id).await?,
            _ => Committed::Deleted,
        };
        // Gone already is what was asked for.
        if outcome == Committed::Conflict {
            return Err(SessionError::Conflict);
        }
        self.start_new();
        self.cookie = CookieChange::Remove;
        Ok(())
    }

    /// Stores what changed and lets go of the session; the next use opens it
    /// again, and so it does after a failure.
    pub(super) async fn save(&mut self) -> Result<(), SessionError> {
        let regenerate = std::mem::take(&mut self.regenerate);
        match &self.held {
            Held::New if self.document.is_empty() => return Ok(()),
            Held::New => {
                let bytes = self.encode()?;
                let id = self.store.create(bytes).await?;
                self.cookie = CookieChange::Set(id.clone());
                self.held = Held::Unopened(Some(id));
                return Ok(());
            }
            Held::Unopened(_) | Held::ReadOnly(_) | Held::Closed => return Ok(()),
            Held::Locked(_) | Held::Optimistic(_) => {}
        }
        let reopen = Held::Unopened(self.id());
        let outcome = match std::mem::replace(&mut self.held, reopen) {
            Held::Locked(locked) => self.save_locked(locked, regenerate).await?,
            Held::Optimistic(read) if regenerate => {
                let locked = self.lock_and_merge(&read).await?;
                self.save_locked(locked, true).await?
            }
            Held::Optimistic(read) => {
                let merge = VariableMerge(self.config.handler, self.config.limits);
                read.commit(self.encode()?, &merge).await?
            }
            _ => return Ok(()),
        };
        self.take_note(&outcome)
    }

    fn encode(&self) -> Result<Bytes, SessionError> {
        Ok(self
            .document
            .encode(self.config.handler, &self.config.limits)?)
    }

    async fn save_locked(
        &mut self,
        mut locked: Locked,
        regenerate: bool,
    ) -> Result<Committed, SessionError> {
        let bytes = match self.encode() {
            Ok(bytes) => bytes,
            Err(error) => {
                locked.release().await?;
                return Err(error);
            }
        };
        if !regenerate {
            return Ok(locked.commit(bytes).await?);
        }
        let outcome = locked.regenerate(bytes).await?;
        let id = locked.id().clone();
        locked.release().await?;
        self.cookie = CookieChange::Set(id.clone());
        self.held = Held::Unopened(Some(id));
        Ok(outcome)
    }

    /// Takes the lock for a request that had none, with its changes on top
    /// of what others wrote.
    async fn lock_and_merge(&mut self, read: &Optimistic) -> Result<Locked, SessionError> {
        let locked = self.store.lock(read.id()).await?;
        let merged = self.merge_into(read, &locked);
        match merged {
            Ok(document) => {
                self.document = document;
                Ok(locked)
            }
            Err(error) => {
                locked.release().await?;
                Err(error)
            }
        }
    }

    fn merge_into(&self, read: &Optimistic, locked: &Locked) -> Result<Document, SessionError> {
        if read.data().is_some() && locked.data().is_none() {
            return Err(SessionError::Gone);
        }
        let (base, theirs) = (self.decode(read.data())?, self.decode(locked.data())?);
        match Document::merge(&base, &self.document, &theirs, &self.config.limits)? {
            MergeOutcome::Merged(document) => Ok(document),
            MergeOutcome::Conflict(_) => Err(SessionError::Conflict),
        }
    }

    fn take_note(&mut self, outcome: &Committed) -> Result<(), SessionError> {
        match outcome {
            Committed::Stored(_) | Committed::Deleted => Ok(()),
            Committed::Conflict => Err(SessionError::Conflict),
            Committed::Gone => {
                self.start_new();
                self.cookie = CookieChange::Remove;
                Err(SessionError::Gone)
            }
        }
    }

    /// Ends the session's use; what the answer says about the cookie.
    pub(super) fn close(&mut self) -> CookieChange {
        self.held = Held::Closed;
        std::mem::take(&mut self.cookie)
    }
}

/// Merges within the layer's limits.
#[derive(Debug)]
struct VariableMerge(SerializeHandler, Limits);

impl Merge for VariableMerge {
    fn merge(
        &self,
        base: &[u8],
        ours: &[u8],
        theirs: &[u8],
    ) -> Result<Option<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
        crate::session::merge_bytes(self.0, &self.1, base, ours, theirs)
    }
}
