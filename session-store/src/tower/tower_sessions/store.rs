//! `tower_sessions_core::SessionStore` on a [`Store`].

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::{Error, Result, SessionStore};

use super::ids;
use crate::{Committed, Created, Document, Key, Limits, SerializeHandler, Store};

/// Keeps the sessions of `tower-sessions` in any backend, as PHP variables.
///
/// Variables that JSON cannot express (opaque objects, strings that are not
/// UTF-8) stay out of the record and stay in the session; variables that did
/// not change keep their bytes. Objects read as maps; one that is changed
/// becomes an array, as JSON knows no classes.
///
/// `tower-sessions` takes no locks, so two requests may change one session at
/// the same time. Saving merges: under the session's lock, what this request
/// changed goes on top of what others stored since it read the session. If
/// both changed the same variable, nothing is saved and that is an error, for
/// which `tower-sessions` answers 500; [`SessionLayer`] lets such requests
/// wait for each other instead. What a request read is kept in the record
/// under a name of its own, which costs the session's size in memory once
/// more. Two things know no such state and overwrite: `Session::clear`, which
/// means to, and a `CachingSessionStore` in front, whose copies may be old.
///
/// [`SessionLayer`]: crate::tower::SessionLayer
#[derive(Clone, Debug)]
pub struct PhpSessionStore {
    store: Store,
    handler: SerializeHandler,
    limits: Limits,
}

impl PhpSessionStore {
    /// A store in the `php` format.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            limits: store.options().limits,
            store,
            handler: SerializeHandler::Php,
        }
    }

    /// `session.serialize_handler` of the PHP application.
    #[must_use]
    pub const fn serialize_handler(mut self, handler: SerializeHandler) -> Self {
        self.handler = handler;
        self
    }

    fn decode(&self, bytes: &bytes::Bytes) -> Result<Document> {
        let decoded = Document::decode(self.handler, bytes.clone(), &self.limits);
        decoded.map_err(|error| {
            self.store.count_corrupt();
            Error::Decode(error.to_string())
        })
    }

    fn encode(&self, document: &Document) -> Result<bytes::Bytes> {
        let encoded = document.encode(self.handler, &self.limits);
        encoded.map_err(|error| Error::Encode(error.to_string()))
    }

    fn lifetime(&self, record: &Record) -> Duration {
        let left = record.expiry_date - OffsetDateTime::now_utc();
        Duration::try_from(left).unwrap_or_else(|_| self.store.options().ttl)
    }
}

#[async_trait]
impl SessionStore for PhpSessionStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        record.data.remove(BASE);
        let mut document = Document::new();
        merge(&mut document, &record.data)?;
        let bytes = self.encode(&document)?;
        // A second collision of 128 random bits means broken random numbers.
        for _ in 0..3 {
            let id = ids::to_php(record.id);
            let created = self
                .store
                .backend()
                .create(&id, bytes.clone(), self.lifetime(record));
            match created.await.map_err(backend)? {
                Created::Stored(_) => {
                    remember(&mut record.data);
                    return Ok(());
                }
                Created::Exists => record.id = Id::default(),
            }
        }
        Err(Error::Backend("no id is free".into()))
    }

    /// A session that was destroyed in between is not brought back, and a
    /// variable that another request changed too is not overwritten: errors.
    async fn save(&self, record: &Record) -> Result<()> {
        let mut locked = self
            .store
            .lock(&ids::to_php(record.id))
            .await
            .map_err(backend)?;
        let changed = match locked.data() {
            Some(bytes) => self.decode(bytes).and_then(|mut document| {
                merge(&mut document, &record.data)?;
                self.encode(&document)
            }),
            None => Err(Error::Backend(
                "the session was destroyed in between".into(),
            )),
        };
        let bytes = match changed {
            Ok(bytes) => bytes,
            Err(error) => {
                locked.release().await.map_err(backend)?;
                return Err(error);
            }
        };
        locked.set_ttl(self.lifetime(record));
        match locked.commit(bytes).await.map_err(backend)? {
            Committed::Stored(_) | Committed::Deleted => Ok(()),
            Committed::Gone | Committed::Conflict => Err(Error::Backend(
                "the session was changed or destroyed in between".into(),
            )),
        }
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(entry) = self.store.read(&ids::to_php(*id)).await.map_err(backend)? else {
            return Ok(None);
        };
        let left = entry.remaining.unwrap_or_else(|| self.store.options().ttl);
        let mut data = data(&self.decode(&entry.bytes)?);
        remember(&mut data);
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date: OffsetDateTime::now_utc() + left,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        match self
            .store
            .destroy(&ids::to_php(*id))
            .await
            .map_err(backend)?
        {
            Committed::Conflict => Err(Error::Backend(
                "the session was taken over in between".into(),
            )),
            Committed::Deleted | Committed::Gone | Committed::Stored(_) => Ok(()),
        }
    }
}

fn backend(error: crate::Error) -> Error {
    Error::Backend(error.to_string())
}

/// All variables that JSON can express.
fn data(document: &Document) -> HashMap<String, Value> {
    let variables = document.iter().filter_map(|(name, value)| {
        let name = match name {
            Key::Int(number) => number.to_string(),
            Key::Str(name) => String::from_utf8(name.to_vec()).ok()?,
        };
        (name != BASE).then_some((name, value.get().ok()?))
    });
    variables.collect()
}

/// Notes in a record what is stored, for [`merge`].
fn remember(data: &mut HashMap<String, Value>) {
    let stored = data.clone().into_iter().collect();
    data.insert(BASE.to_owned(), Value::Object(stored));
}

/// Makes the variables of a record that its request changed what they are
/// there. Without a note of what was stored, that is all variables.
fn merge(document: &mut Document, data: &HashMap<String, Value>) -> Result<()> {
    let now = self::data(document);
    let base = data.get(BASE).and_then(Value::as_object);
    let before = |name: &String| base.map_or_else(|| now.get(name), |base| base.get(name));
    let names: BTreeSet<&String> = match base {
        Some(base) => data.keys().chain(base.keys()).collect(),
        None => data.keys().chain(now.keys()).collect(),
    };
    for name in names {
        let (old, new) = (before(name), data.get(name));
        if name == BASE || new == old || new == now.get(name) {
            continue;
        }
        if now.get(name) != old {
            let what = format!("another request changed the variable {name} in between");
            return Err(Error::Backend(what));
        }
        match new {
            Some(value) => document
                .insert(name, value)
                .map_err(|error| Error::Encode(error.to_string()))?,
            None => {
                document.remove(name);
            }
        }
    }
    Ok(())
}

/// Where a record keeps what was stored when it was read. It is no name that
/// PHP could give a variable by accident.
const BASE: &str = "\0session-store base";
