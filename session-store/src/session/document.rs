//! The variables of one session.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;

use crate::codec::Old;
use crate::value::{Entries, Graph, Key, Node, NodeId, ValueRef};
use crate::{EncodeError, Limits, SerializeHandler, Undecodable};

/// The variables of one session: what `$_SESSION` is in PHP.
///
/// A document remembers the bytes it was decoded from. While nothing
/// changes, encoding gives those bytes back; when a variable changes, all
/// others keep their bytes wherever the format allows it.
///
/// # Examples
///
/// ```
/// use session_store::{Document, Limits, SerializeHandler};
///
/// let stored = "user|i:7;cart|a:1:{i:0;s:3:\"cup\";}";
/// let mut session = Document::decode(SerializeHandler::Php, stored, &Limits::default())?;
/// assert_eq!(session.value("user").and_then(|user| user.as_int()), Some(7));
///
/// session.remove("user");
/// let bytes = session.encode(SerializeHandler::Php, &Limits::default())?;
/// assert_eq!(bytes, "cart|a:1:{i:0;s:3:\"cup\";}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Document {
    graph: Graph,
    root: NodeId,
    changed: BTreeSet<Key>,
    source: Option<Source>,
}

/// What a document was decoded from.
#[derive(Clone)]
struct Source {
    handler: SerializeHandler,
    bytes: Bytes,
    ranges: Option<Vec<Option<Range<usize>>>>,
    nodes: usize,
    compact_strings: bool,
}

impl std::fmt::Debug for Source {
    /// Leaves the data out: it may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({}, {} bytes)", self.handler, self.bytes.len())
    }
}

impl Document {
    /// A session without variables.
    #[must_use]
    pub fn new() -> Self {
        let mut graph = Graph::new();
        let root = graph.add(Node::Array(Vec::new()));
        Self {
            graph,
            root,
            changed: BTreeSet::new(),
            source: None,
        }
    }

    /// Decodes a stored session. No bytes at all are an empty session, as
    /// PHP stores one.
    ///
    /// # Errors
    ///
    /// [`Undecodable`] holds the data as it was and says what is wrong
    /// where. Leave the stored session alone; PHP would destroy it.
    pub fn decode(
        handler: SerializeHandler,
        bytes: impl Into<Bytes>,
        limits: &Limits,
    ) -> Result<Self, Undecodable> {
        let bytes = bytes.into();
        match handler.read(&bytes, limits) {
            Ok(decoded) => Ok(Self {
                changed: BTreeSet::new(),
                root: decoded.root,
                source: Some(Source {
                    handler,
                    bytes,
                    ranges: decoded.ranges,
                    nodes: decoded.graph.len(),
                    compact_strings: decoded.compact_strings,
                }),
                graph: decoded.graph,
            }),
            Err(error) => Err(Undecodable::new(handler, bytes, error)),
        }
    }

    /// Encodes the session.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the format cannot hold a variable, or a limit is
    /// exceeded. Nothing has been stored yet, so the old session stays.
    pub fn encode(&self, handler: SerializeHandler, limits: &Limits) -> Result<Bytes, EncodeError> {
        if let Some(source) = self
            .source
            .as_ref()
            .filter(|source| source.handler == handler)
        {
            if self.changed.is_empty() {
                return Ok(source.bytes.clone());
            }
            if let Some(spliced) = self.splice(source, limits)? {
                return Ok(spliced.into());
            }
        }
        self.encode_afresh(handler, limits)
    }

    /// Encodes the session without reusing any bytes.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    pub fn encode_afresh(
        &self,
        handler: SerializeHandler,
        limits: &Limits,
    ) -> Result<Bytes, EncodeError> {
        let compact_strings = self
            .source
            .as_ref()
            .is_none_or(|source| source.compact_strings);
        let encoded = handler.write(&self.graph, self.root, compact_strings, limits)?;
        Ok(encoded.into())
    }

    fn splice(&self, source: &Source, limits: &Limits) -> Result<Option<Vec<u8>>, EncodeError> {
        let Some(ranges) = &source.ranges else {
            return Ok(None);
        };
        let old = Old {
            bytes: &source.bytes,
            ranges,
            nodes: source.nodes,
        };
        source.handler.splice(&self.graph, self.root, &old, limits)
    }

    /// Number of variables.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is no variable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Names and values in order.
    #[must_use]
    pub fn iter(&self) -> Variables<'_> {
        self.graph.view(self.root).entries()
    }

    /// A variable.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<ValueRef<'_>> {
        let index = self.position(&Key::from(name))?;
        Some(self.graph.view(self.entries()[index].1))
    }

    /// Whether there is such a variable.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.position(&Key::from(name)).is_some()
    }

    /// Removes a variable; says whether it was there. Variables that are PHP
    /// references of it keep their value, as after PHP's `unset`.
    pub fn remove(&mut self, name: &str) -> bool {
        self.remove_key(&Key::from(name))
    }

    /// Removes all variables.
    pub fn clear(&mut self) {
        let removed = std::mem::take(self.entries_mut());
        self.changed
            .extend(removed.into_iter().map(|(name, _)| name));
        if let Some(ranges) = self.ranges_mut() {
            ranges.clear();
        }
    }

    /// The arena, to add values that `serde` cannot express.
    pub const fn graph_mut(&mut self) -> &mut Graph {
        &mut self.graph
    }

    /// Sets a variable to a node of this document's graph.
    ///
    /// As with PHP's assignment, variables that are references (`&`) of it
    /// change with it.
    pub fn set(&mut self, name: impl Into<Key>, value: NodeId) {
        let name = name.into();
        let is_reference = |id| matches!(self.graph.node(id), Node::Reference(_));
        let place = self.position(&name).map(|index| self.entries()[index].1);
        let Some(place) = place.filter(|place| is_reference(*place) && !is_reference(value)) else {
            return self.replace(name, value);
        };
        *self.graph.node_mut(place) = Node::Reference(value);
        let aliases: Vec<Key> = self
            .entries()
            .iter()
            .filter(|(_, id)| *id == place)
            .map(|(name, _)| name.clone())
            .collect();
        for alias in aliases {
            self.replace(alias, place);
        }
    }

    /// Whether a variable was set or removed since decoding.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Names of the variables set or removed since decoding.
    pub fn changed(&self) -> impl Iterator<Item = &Key> {
        self.changed.iter()
    }

    /// The format and bytes this document was decoded from.
    #[must_use]
    pub fn source(&self) -> Option<(SerializeHandler, &Bytes)> {
        self.source
            .as_ref()
            .map(|source| (source.handler, &source.bytes))
    }

    /// The same graph with another array as the session.
    #[cfg(feature = "laravel")]
    pub(crate) fn with_root(mut self, root: NodeId) -> Self {
        self.root = root;
        self
    }

    /// The array of all variables.
    #[cfg(feature = "laravel")]
    pub(crate) const fn root(&self) -> ValueRef<'_> {
        self.graph.view(self.root)
    }

    pub(crate) const fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn entries(&self) -> &[(Key, NodeId)] {
        self.graph.entries(self.root)
    }

    /// Finds `name`; `"5"` finds the integer name 5 too.
    pub(crate) fn position(&self, name: &Key) -> Option<usize> {
        let find = |wanted: &Key| self.entries().iter().position(|(known, _)| known == wanted);
        find(name).or_else(|| match name {
            Key::Str(text) => find(&Key::symbol(text.clone())),
            Key::Int(_) => None,
        })
    }

    pub(crate) fn remove_key(&mut self, name: &Key) -> bool {
        let Some(index) = self.position(name) else {
            return false;
        };
        let (name, _) = self.entries_mut().remove(index);
        self.note_change(name);
        if let Some(ranges) = self.ranges_mut() {
            ranges.remove(index);
        }
        true
    }

    /// Sets a variable without writing through a reference.
    pub(crate) fn replace(&mut self, name: Key, value: NodeId) {
        self.note_change(name.clone());
        match self.position(&name) {
            Some(index) => {
                self.entries_mut()[index].1 = value;
                if let Some(ranges) = self.ranges_mut() {
                    ranges[index] = None;
                }
            }
            None => {
                self.entries_mut().push((name, value));
                if let Some(ranges) = self.ranges_mut() {
                    ranges.push(None);
                }
            }
        }
    }

    fn note_change(&mut self, name: Key) {
        self.changed.insert(name);
    }

    fn entries_mut(&mut self) -> &mut Vec<(Key, NodeId)> {
        self.graph
            .entries_mut(self.root)
            .expect("the root of a session is an array")
    }

    fn ranges_mut(&mut self) -> Option<&mut Vec<Option<Range<usize>>>> {
        self.source.as_mut()?.ranges.as_mut()
    }
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> IntoIterator for &'a Document {
    type Item = (&'a Key, ValueRef<'a>);
    type IntoIter = Variables<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Iterator over the variables of a [`Document`].
pub type Variables<'a> = Entries<'a>;
