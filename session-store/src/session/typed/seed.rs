//! Any self-describing format into PHP values, such as JSON.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::Limits;
use crate::codec::KeyIndex;
use crate::value::{Graph, Key, Node, NodeId};

/// Builds a PHP value while JSON, or another self-describing format, is read.
///
/// Objects become arrays and keep their order, names such as `"5"` become
/// integer keys, and of two equal names the last one counts: what PHP's
/// `json_decode($json, true)` makes. An integer too large for PHP becomes a
/// float. It stops at [`Limits::max_nodes`]; how deep values may nest is the
/// deserializer's to bound.
///
/// # Examples
///
/// ```
/// use serde::de::DeserializeSeed;
/// use session_store::{Document, Limits, NodeSeed, SerializeHandler::Php};
///
/// let mut session = Document::new();
/// let mut json = serde_json::Deserializer::from_str(r#"{"z": [1, 2.5], "5": null}"#);
/// let value = NodeSeed::new(session.graph_mut()).deserialize(&mut json)?;
/// session.set("v", value);
/// let bytes = session.encode(Php, &Limits::default())?;
/// assert_eq!(bytes, "v|a:2:{s:1:\"z\";a:2:{i:0;i:1;i:1;d:2.5;}i:5;N;}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NodeSeed<'g> {
    graph: &'g mut Graph,
    max_nodes: usize,
}

impl<'g> NodeSeed<'g> {
    /// Adds the value to this graph, within the default limits.
    pub fn new(graph: &'g mut Graph) -> Self {
        Self::within(graph, &Limits::default())
    }

    /// Adds the value to this graph as long as it stays within limits.
    pub const fn within(graph: &'g mut Graph, limits: &Limits) -> Self {
        Self {
            graph,
            max_nodes: limits.max_nodes,
        }
    }

    const fn member(&mut self) -> NodeSeed<'_> {
        NodeSeed {
            graph: self.graph,
            max_nodes: self.max_nodes,
        }
    }

    fn add<E: Error>(self, node: Node) -> Result<NodeId, E> {
        if self.graph.len() >= self.max_nodes {
            let limit = self.max_nodes;
            return Err(E::custom(format_args!("more than {limit} values")));
        }
        Ok(self.graph.add(node))
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = NodeId;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<NodeId, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = NodeId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that PHP has")
    }

    fn visit_unit<E: Error>(self) -> Result<NodeId, E> {
        self.add(Node::Null)
    }

    fn visit_none<E: Error>(self) -> Result<NodeId, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<NodeId, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<NodeId, E> {
        self.add(Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<NodeId, E> {
        self.add(Node::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<NodeId, E> {
        let node = match i64::try_from(value) {
            Ok(value) => Node::Int(value),
            #[expect(clippy::cast_precision_loss, reason = "as PHP does it")]
            Err(_) => Node::Float(value as f64),
        };
        self.add(node)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<NodeId, E> {
        self.add(Node::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<NodeId, E> {
        self.visit_bytes(value.as_bytes())
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<NodeId, E> {
        self.add(Node::Str(Bytes::copy_from_slice(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut members: A) -> Result<NodeId, A::Error> {
        let mut entries = Vec::new();
        for index in 0.. {
            let Some(value) = members.next_element_seed(self.member())? else {
                break;
            };
            entries.push((Key::Int(index), value));
        }
        self.add(Node::Array(entries))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<NodeId, A::Error> {
        let mut entries: Vec<(Key, NodeId)> = Vec::new();
        let mut index = KeyIndex::default();
        while let Some(name) = members.next_key::<String>()? {
            let key = Key::symbol(name);
            let value = members.next_value_seed(self.member())?;
            let known = index.find(&entries, &key);
            match known.and_then(|at| entries.get_mut(at)) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
        }
        self.add(Node::Array(entries))
    }
}
