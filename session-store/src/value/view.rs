//! Reading a graph without minding ids.

use bytes::Bytes;

use super::{Graph, Key, Node, NodeId};

/// What a value is, references followed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ValueKind {
    /// `null`.
    Null,
    /// A boolean.
    Bool,
    /// An integer.
    Int,
    /// A float.
    Float,
    /// A string.
    Str,
    /// An array.
    Array,
    /// An object with properties.
    Object,
    /// A case of an enum.
    Enum,
    /// An object only its class can read.
    Opaque,
}

/// A value inside a [`Graph`]; references are followed on the way.
#[derive(Clone, Copy, Debug)]
pub struct ValueRef<'a> {
    graph: &'a Graph,
    id: NodeId,
}

impl<'a> ValueRef<'a> {
    pub(crate) const fn new(graph: &'a Graph, id: NodeId) -> Self {
        Self { graph, id }
    }

    /// The graph this value lives in.
    #[must_use]
    pub const fn graph(self) -> &'a Graph {
        self.graph
    }

    /// The node, references not followed.
    #[must_use]
    pub const fn id(self) -> NodeId {
        self.id
    }

    /// The node, references followed.
    #[must_use]
    pub fn node(self) -> &'a Node {
        self.graph.resolve(self.id).1
    }

    /// What the value is.
    #[must_use]
    pub fn kind(self) -> ValueKind {
        match self.node() {
            // `node` follows references, so none comes out.
            Node::Null | Node::Reference(_) => ValueKind::Null,
            Node::Bool(_) => ValueKind::Bool,
            Node::Int(_) => ValueKind::Int,
            Node::Float(_) => ValueKind::Float,
            Node::Str(_) => ValueKind::Str,
            Node::Array(_) => ValueKind::Array,
            Node::Object(_) => ValueKind::Object,
            Node::Enum(_) => ValueKind::Enum,
            Node::Opaque(_) => ValueKind::Opaque,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.node() {
            Node::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one.
    #[must_use]
    pub fn as_int(self) -> Option<i64> {
        match self.node() {
            Node::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The float, if it is one.
    #[must_use]
    pub fn as_float(self) -> Option<f64> {
        match self.node() {
            Node::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The string's bytes, if it is one.
    #[must_use]
    pub fn as_bytes(self) -> Option<&'a Bytes> {
        match self.node() {
            Node::Str(value) => Some(value),
            _ => None,
        }
    }

    /// The string, if it is one and is UTF-8.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The class of an object, enum case or opaque object.
    #[must_use]
    pub fn class(self) -> Option<&'a Bytes> {
        match self.node() {
            Node::Object(object) => Some(&object.class),
            Node::Enum(case) => Some(&case.class),
            Node::Opaque(opaque) => Some(opaque.class()),
            _ => None,
        }
    }

    /// Number of members of an array or object; 0 for every other value.
    #[must_use]
    pub fn len(self) -> usize {
        self.graph.entries(self.graph.resolve(self.id).0).len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Members of an array or object in order.
    #[must_use]
    pub fn entries(self) -> Entries<'a> {
        let container = self.graph.resolve(self.id).0;
        Entries {
            graph: self.graph,
            entries: self.graph.entries(container).iter(),
        }
    }

    /// A member: by key in an array, by its own name whatever its visibility
    /// in an object.
    #[must_use]
    pub fn member(self, name: &str) -> Option<Self> {
        let wanted = Key::symbol(name.to_owned());
        let matches = |key: &Key| match self.kind() {
            ValueKind::Object => key.unmangled() == Some(name.as_bytes()),
            _ => *key == wanted || key.as_bytes() == Some(name.as_bytes()),
        };
        self.entries()
            .find(|(key, _)| matches(key))
            .map(|(_, value)| value)
    }
}

/// Iterator over the members of an array or object.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    graph: &'a Graph,
    entries: std::slice::Iter<'a, (Key, NodeId)>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a Key, ValueRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, id) = self.entries.next()?;
        Some((key, ValueRef::new(self.graph, *id)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for Entries<'_> {}
