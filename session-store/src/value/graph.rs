//! The arena that holds one session's values.

use std::collections::HashMap;

use bytes::Bytes;

use super::{Key, ValueRef};

/// Names one node of a [`Graph`]. Meaningless in any other graph.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(u32);

impl NodeId {
    /// Position in the arena; grows with each node added.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One PHP value; members are edges to other nodes.
///
/// What several edges to one node mean depends on the node:
///
/// - [`Node::Reference`]: the places are PHP references (`&`) of each other;
/// - [`Node::Object`], [`Node::Enum`], [`Node::Opaque`]: they hold the same
///   object;
/// - [`Node::Array`]: they hold equal arrays that PHP had not yet copied.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Node {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float; every bit is kept.
    Float(f64),
    /// A string of any bytes.
    Str(Bytes),
    /// An ordered array.
    Array(Vec<(Key, NodeId)>),
    /// An object with its properties.
    Object(Box<Object>),
    /// A case of an enum.
    Enum(Box<EnumCase>),
    /// An object of a class that implements `Serializable`: only the class
    /// can read its payload.
    Opaque(Box<Opaque>),
    /// A PHP reference: what all places that share this node hold.
    Reference(NodeId),
}

impl Node {
    /// A case of an enum.
    #[must_use]
    pub fn enum_case(class: impl Into<Bytes>, case: impl Into<Bytes>) -> Self {
        Self::Enum(Box::new(EnumCase {
            class: class.into(),
            case: case.into(),
        }))
    }

    fn entries(&self) -> &[(Key, NodeId)] {
        match self {
            Self::Array(entries) => entries,
            Self::Object(object) => &object.props,
            Self::Opaque(opaque) => &opaque.members,
            _ => &[],
        }
    }
}

/// A case of an enum.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct EnumCase {
    /// Class name of the enum.
    pub class: Bytes,
    /// Name of the case.
    pub case: Bytes,
}

/// An object: its class and its properties in order.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Object {
    /// Class name.
    pub class: Bytes,
    /// Properties with their mangled names, or whatever the class's
    /// `__serialize()` returned.
    pub props: Vec<(Key, NodeId)>,
    /// Whether the properties are known to come from `__serialize()`. Only
    /// msgpack writes the two kinds differently.
    pub magic: bool,
    /// Where igbinary marks typed properties without a value: before which
    /// properties. The other formats leave them out.
    pub(crate) gaps: Vec<usize>,
}

impl Object {
    /// An object with plain properties.
    #[must_use]
    pub const fn new(class: Bytes, props: Vec<(Key, NodeId)>) -> Self {
        Self {
            class,
            props,
            magic: false,
            gaps: Vec::new(),
        }
    }
}

/// An object of which only its class can read the content: `C:` in PHP's
/// own format, an instance of `Serializable`.
///
/// Most such classes call `serialize()` themselves, and PHP then counts the
/// values in the payload along with the session's. A payload that is one
/// value is therefore kept as a value; every other one as bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opaque {
    class: Bytes,
    payload: Bytes,
    /// The payload's value, if it is one; then there are no bytes.
    pub(crate) members: Vec<(Key, NodeId)>,
}

impl Opaque {
    /// An object with a payload that is no value of its own.
    #[must_use]
    pub const fn from_bytes(class: Bytes, payload: Bytes) -> Self {
        Self {
            class,
            payload,
            members: Vec::new(),
        }
    }

    /// An object whose payload is the serialized form of `value`.
    #[must_use]
    pub fn from_value(class: Bytes, value: NodeId) -> Self {
        Self {
            class,
            payload: Bytes::new(),
            members: vec![(Key::Int(0), value)],
        }
    }

    /// Class name.
    #[must_use]
    pub const fn class(&self) -> &Bytes {
        &self.class
    }

    /// The payload, if it is no value of its own.
    #[must_use]
    pub fn payload(&self) -> Option<&Bytes> {
        self.members.is_empty().then_some(&self.payload)
    }

    /// The payload, if it is the serialized form of a value.
    #[must_use]
    pub fn value(&self) -> Option<NodeId> {
        self.members.first().map(|(_, value)| *value)
    }
}

/// An arena of PHP values.
///
/// Nodes are added, never removed; a session lives for one request, and
/// encoding writes what the root reaches only.
///
/// # Examples
///
/// ```
/// use session_store::{Graph, Key, Node};
///
/// let mut graph = Graph::new();
/// let one = graph.add(Node::Int(1));
/// let list = graph.add(Node::Array(vec![(Key::Int(0), one)]));
/// assert_eq!(graph.view(list).len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    enums: HashMap<EnumCase, NodeId>,
}

impl Graph {
    /// An empty arena.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with_capacity(nodes: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(nodes),
            enums: HashMap::new(),
        }
    }

    /// Number of nodes, reachable or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Adds a node. An enum case that is there already is found again: PHP
    /// has each case once.
    ///
    /// # Panics
    ///
    /// If the arena held 2³² nodes, which is more than any [`Limits`] let in.
    ///
    /// [`Limits`]: crate::Limits
    pub fn add(&mut self, node: Node) -> NodeId {
        let next =
            NodeId(u32::try_from(self.nodes.len()).expect("an arena has fewer than 2^32 nodes"));
        if let Node::Enum(case) = &node {
            let known = self.enums.entry(EnumCase::clone(case)).or_insert(next);
            if *known != next {
                return *known;
            }
        }
        self.nodes.push(node);
        next
    }

    /// The node behind an id.
    ///
    /// # Panics
    ///
    /// If the id comes from another, larger graph.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The node behind an id, references followed.
    #[must_use]
    pub fn resolve(&self, mut id: NodeId) -> (NodeId, &Node) {
        loop {
            match self.node(id) {
                Node::Reference(target) => id = *target,
                node => return (id, node),
            }
        }
    }

    /// A readable view of a node.
    #[must_use]
    pub const fn view(&self, id: NodeId) -> ValueRef<'_> {
        ValueRef::new(self, id)
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// Members of an array or object, or the value of an opaque payload.
    pub(crate) fn entries(&self, id: NodeId) -> &[(Key, NodeId)] {
        self.node(id).entries()
    }

    pub(crate) fn entries_mut(&mut self, id: NodeId) -> Option<&mut Vec<(Key, NodeId)>> {
        match self.node_mut(id) {
            Node::Array(entries) => Some(entries),
            Node::Object(object) => Some(&mut object.props),
            Node::Opaque(opaque) => Some(&mut opaque.members),
            _ => None,
        }
    }

    /// How many places hold each reference.
    pub(crate) fn places_of_references(&self) -> HashMap<NodeId, usize> {
        let mut places = HashMap::new();
        for (_, member) in self.nodes.iter().flat_map(Node::entries) {
            if let Node::Reference(_) = self.node(*member) {
                *places.entry(*member).or_default() += 1;
            }
        }
        places
    }

    /// Turns one place into a PHP reference and returns the shared node. The
    /// place is member `index` of `container`.
    pub(crate) fn share_place(&mut self, container: NodeId, index: usize) -> Option<NodeId> {
        let target = self.entries(container).get(index)?.1;
        if let Node::Reference(_) = self.node(target) {
            return Some(target);
        }
        let shared = self.add(Node::Reference(target));
        self.entries_mut(container)?.get_mut(index)?.1 = shared;
        Some(shared)
    }

    /// Copies what `id` reaches from another graph. `copied` keeps identity
    /// over several calls.
    pub(crate) fn import(
        &mut self,
        from: &Self,
        id: NodeId,
        copied: &mut HashMap<NodeId, NodeId>,
    ) -> NodeId {
        let mut pending = Vec::new();
        let copy = self.import_one(from, id, copied, &mut pending);
        while let Some(old) = pending.pop() {
            let new = copied[&old];
            if let Node::Reference(target) = from.node(old) {
                let target = self.import_one(from, *target, copied, &mut pending);
                *self.node_mut(new) = Node::Reference(target);
                continue;
            }
            for (key, child) in from.entries(old) {
                let child = self.import_one(from, *child, copied, &mut pending);
                if let Some(entries) = self.entries_mut(new) {
                    entries.push((key.clone(), child));
                }
            }
        }
        copy
    }

    /// Copies one node without its members and notes that they are missing.
    fn import_one(
        &mut self,
        from: &Self,
        id: NodeId,
        copied: &mut HashMap<NodeId, NodeId>,
        pending: &mut Vec<NodeId>,
    ) -> NodeId {
        if let Some(&copy) = copied.get(&id) {
            return copy;
        }
        let node = match from.node(id) {
            Node::Array(entries) => Node::Array(Vec::with_capacity(entries.len())),
            Node::Object(object) => Node::Object(Box::new(Object {
                class: object.class.clone(),
                props: Vec::with_capacity(object.props.len()),
                magic: object.magic,
                gaps: object.gaps.clone(),
            })),
            Node::Opaque(opaque) => Node::Opaque(Box::new(Opaque::from_bytes(
                opaque.class.clone(),
                opaque.payload.clone(),
            ))),
            other => other.clone(),
        };
        let has_members = !from.entries(id).is_empty() || matches!(node, Node::Reference(_));
        let copy = self.add(node);
        copied.insert(id, copy);
        if has_members {
            pending.push(id);
        }
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enum_cases_exist_once() {
        let mut graph = Graph::new();
        let case = |name: &'static str| Node::enum_case("Suit", name);
        let first = graph.add(case("Hearts"));
        assert_eq!(graph.add(case("Hearts")), first);
        assert_ne!(graph.add(case("Spades")), first);
    }

    #[test]
    fn import_keeps_cycles_and_sharing() {
        let mut from = Graph::new();
        let object = from.add(Node::Object(Box::new(Object::new(
            "Node".into(),
            Vec::new(),
        ))));
        from.entries_mut(object)
            .unwrap()
            .push((Key::from("self"), object));
        let list = from.add(Node::Array(vec![
            (Key::Int(0), object),
            (Key::Int(1), object),
        ]));

        let mut to = Graph::new();
        to.add(Node::Null);
        let copy = to.import(&from, list, &mut HashMap::new());
        let members: Vec<_> = to.entries(copy).iter().map(|(_, id)| *id).collect();
        assert_eq!(members[0], members[1]);
        assert_eq!(to.entries(members[0])[0].1, members[0]);
        assert_eq!(to.len(), 3);
    }
}
