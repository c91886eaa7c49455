//! What all decoders share: an arena that fills up within its limits.

use std::collections::HashMap;

use super::{DecodeErrorKind, Limits};
use crate::value::{Graph, Key, Node, NodeId};

/// Adds values to a graph and counts them.
pub(crate) struct Builder {
    pub(crate) graph: Graph,
    limits: Limits,
    values: usize,
}

impl Builder {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self::with_room(limits, 0)
    }

    /// The same with room for some values.
    pub(crate) fn with_room(limits: &Limits, values: usize) -> Self {
        Self {
            graph: Graph::with_capacity(values),
            limits: *limits,
            values: 0,
        }
    }

    /// Counts one value, however it is written.
    pub(crate) fn count(&mut self) -> Result<(), DecodeErrorKind> {
        self.values += 1;
        if self.values > self.limits.max_nodes {
            return Err(DecodeErrorKind::TooManyValues {
                limit: self.limits.max_nodes,
            });
        }
        Ok(())
    }

    /// Refuses one more level on top of `depth` open ones.
    pub(crate) const fn deepen(&self, depth: usize) -> Result<(), DecodeErrorKind> {
        if depth >= self.limits.max_depth {
            return Err(DecodeErrorKind::TooDeep {
                limit: self.limits.max_depth,
            });
        }
        Ok(())
    }

    /// Where `key` goes in `open`: its old place if it is there already (the
    /// last value wins, as in PHP), else the end.
    pub(crate) fn index_for(&self, open: &mut Open, key: &Key) -> usize {
        let entries = self.graph.entries(open.container);
        open.keys.find(entries, key).unwrap_or(entries.len())
    }

    /// Puts a member where [`index_for`](Self::index_for) said.
    pub(crate) fn put(&mut self, open: &Open, index: usize, key: Key, value: NodeId) {
        let Some(entries) = self.graph.entries_mut(open.container) else {
            return;
        };
        match entries.get_mut(index) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }

    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        self.graph.add(node)
    }
}

/// An array or object that is being read.
pub(crate) struct Open {
    pub(crate) container: NodeId,
    /// Members still to come.
    pub(crate) remaining: usize,
    keys: KeyIndex,
}

impl Open {
    pub(crate) fn new(container: NodeId, remaining: usize) -> Self {
        Self {
            container,
            remaining,
            keys: KeyIndex::default(),
        }
    }
}

/// Finds a repeated key without comparing each with each: lists need no
/// index, small arrays a glance, large ones a map.
#[derive(Default)]
pub(crate) struct KeyIndex {
    map: Option<HashMap<Key, usize>>,
    indexed: usize,
    not_a_list: bool,
}

impl KeyIndex {
    const SMALL: usize = 8;

    pub(crate) fn find(&mut self, entries: &[(Key, NodeId)], key: &Key) -> Option<usize> {
        if !self.not_a_list {
            let next = i64::try_from(entries.len()).map(Key::Int);
            if next.is_ok_and(|next| next == *key) {
                return None;
            }
            self.not_a_list = true;
        }
        if entries.len() <= Self::SMALL {
            return entries.iter().position(|(known, _)| known == key);
        }
        let map = self.map.get_or_insert_default();
        for (index, (known, _)) in entries.iter().enumerate().skip(self.indexed) {
            map.insert(known.clone(), index);
        }
        self.indexed = entries.len();
        map.get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_keys_keep_their_place() {
        let mut builder = Builder::new(&Limits::default());
        let container = builder.add(Node::Array(Vec::new()));
        let mut open = Open::new(container, 0);
        let (old, new) = (builder.add(Node::Int(1)), builder.add(Node::Int(2)));
        for round in 0..2 {
            for index in (0..40).chain([7, -1]) {
                let value = if round == 0 { old } else { new };
                let place = builder.index_for(&mut open, &Key::Int(index));
                builder.put(&open, place, Key::Int(index), value);
            }
        }
        let entries = builder.graph.entries(container);
        assert_eq!(entries.len(), 41);
        assert!(entries.iter().all(|(_, value)| *value == new));
        assert_eq!(entries[7].0, Key::Int(7));
    }
}
