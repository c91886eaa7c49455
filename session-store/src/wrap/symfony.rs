//! Symfony's bags inside a PHP session.
//!
//! Symfony keeps its attributes, flashes and bookkeeping in three variables,
//! whatever the serialize handler. [`Bags`] reads and writes them in a
//! [`Document`].

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::value::{Key, Node, NodeId, ValueRef};
use crate::{Document, ValueError};

/// Symfony's view of a session.
///
/// # Examples
///
/// ```
/// use session_store::wrap::symfony::Bags;
/// use session_store::{Document, Limits, SerializeHandler::Php};
///
/// let stored = "_sf2_attributes|a:1:{s:6:\"locale\";s:2:\"de\";}_sf2_meta|a:3:{s:1:\"u\";i:20;s:1:\"c\";i:10;s:1:\"l\";i:0;}";
/// let mut session = Document::decode(Php, stored, &Limits::default())?;
/// let mut bags = Bags::of(&mut session);
/// assert_eq!(bags.get::<String>("locale")?.as_deref(), Some("de"));
/// assert_eq!(bags.metadata()?.map(|meta| meta.created), Some(10));
/// bags.insert("locale", "fr")?;
/// assert!(session.encode(Php, &Limits::default())?.starts_with(b"_sf2_attributes|a:1:{s:6:\"locale\";s:2:\"fr\";}"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Bags<'d> {
    document: &'d mut Document,
}

/// Symfony's bookkeeping, in seconds since 1970.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Metadata {
    /// When the session was last used; only as exact as
    /// `metadata_update_threshold`.
    #[serde(rename = "u")]
    pub last_used: i64,
    /// When the session was created.
    #[serde(rename = "c")]
    pub created: i64,
    /// Lifetime of the cookie; 0 until the browser closes.
    #[serde(rename = "l")]
    pub lifetime: i64,
}

impl<'d> Bags<'d> {
    /// The bags of a session. A session without them is a new one.
    pub const fn of(document: &'d mut Document) -> Self {
        Self { document }
    }

    /// An attribute; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if it is not what the type expects.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<Option<T>, ValueError> {
        self.attribute(name).map(ValueRef::get).transpose()
    }

    /// An attribute as it is.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<ValueRef<'_>> {
        self.document.value(ATTRIBUTES)?.member(name)
    }

    /// Sets an attribute.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if PHP has nothing like the value.
    pub fn insert<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), ValueError> {
        self.document
            .update(ATTRIBUTES, &HashMap::from([(name, value)]))
    }

    /// Removes an attribute; says whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some(mut attributes) = self.members(ATTRIBUTES) else {
            return false;
        };
        let name = Key::symbol(name.to_owned());
        let before = attributes.len();
        attributes.retain(|(key, _)| *key != name);
        let removed = attributes.len() < before;
        if removed {
            self.set(ATTRIBUTES, attributes);
        }
        removed
    }

    /// Adds a message for the visitor's next page.
    pub fn add_flash(&mut self, kind: &str, message: &str) {
        let kind_key = Key::symbol(kind.to_owned());
        let mut flashes = self.members(FLASHES).unwrap_or_default();
        let message = self
            .document
            .graph_mut()
            .add(Node::Str(message.to_owned().into()));
        let known = flashes.iter().position(|(key, _)| *key == kind_key);
        let mut messages = known
            .map(|at| self.entries(flashes[at].1))
            .unwrap_or_default();
        let next = messages.iter().filter_map(|(key, _)| match key {
            Key::Int(number) => number.checked_add(1),
            Key::Str(_) => None,
        });
        let next = next.max().unwrap_or(0);
        messages.push((Key::Int(next), message));
        let messages = self.document.graph_mut().add(Node::Array(messages));
        match known {
            Some(at) => flashes[at].1 = messages,
            None => flashes.push((kind_key, messages)),
        }
        self.set(FLASHES, flashes);
    }

    /// Takes the messages of a kind, as a page that shows them does.
    pub fn take_flashes(&mut self, kind: &str) -> Vec<String> {
        let kind = Key::symbol(kind.to_owned());
        let mut flashes = self.members(FLASHES).unwrap_or_default();
        let Some(at) = flashes.iter().position(|(key, _)| *key == kind) else {
            return Vec::new();
        };
        let (_, messages) = flashes.remove(at);
        let messages = self.document.graph_mut().view(messages).entries();
        let texts = messages
            .filter_map(|(_, message)| message.as_str().map(str::to_owned))
            .collect();
        self.set(FLASHES, flashes);
        texts
    }

    /// Symfony's bookkeeping; `None` in a new session.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if it is not what Symfony writes.
    pub fn metadata(&self) -> Result<Option<Metadata>, ValueError> {
        self.document.get(META)
    }

    /// Notes that the session is used at `now`, as Symfony does on each
    /// start: creates the bookkeeping, and updates it if it is older than
    /// `metadata_update_threshold`.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if it is not what Symfony writes.
    pub fn stamp(
        &mut self,
        now: SystemTime,
        lifetime: Duration,
        threshold: Duration,
    ) -> Result<(), ValueError> {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let now = seconds(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        match self.metadata()? {
            Some(meta) if now.saturating_sub(meta.last_used) < seconds(threshold) => Ok(()),
            Some(meta) => self.document.insert(
                META,
                &Metadata {
                    last_used: now,
                    ..meta
                },
            ),
            None => self.document.insert(
                META,
                &Metadata {
                    last_used: now,
                    created: now,
                    lifetime: seconds(lifetime),
                },
            ),
        }
    }

    /// Removes empty bags and says whether nothing is left. Symfony then
    /// destroys the session instead of saving it.
    pub fn trim(&mut self) -> bool {
        for bag in [ATTRIBUTES, FLASHES] {
            if self.document.value(bag).is_some_and(ValueRef::is_empty) {
                self.document.remove(bag);
            }
        }
        let only_meta = self.document.len() == 1 && self.document.contains(META);
        if only_meta {
            self.document.remove(META);
        }
        self.document.is_empty()
    }

    fn members(&mut self, bag: &str) -> Option<Vec<(Key, NodeId)>> {
        let id = self.document.value(bag)?.id();
        Some(self.entries(id))
    }

    fn entries(&mut self, id: NodeId) -> Vec<(Key, NodeId)> {
        let graph = self.document.graph_mut();
        let id = graph.resolve(id).0;
        graph.entries(id).to_vec()
    }

    fn set(&mut self, bag: &str, members: Vec<(Key, NodeId)>) {
        let array = self.document.graph_mut().add(Node::Array(members));
        self.document.set(bag, array);
    }
}

const ATTRIBUTES: &str = "_sf2_attributes";
const FLASHES: &str = "_symfony_flashes";
const META: &str = "_sf2_meta";
