//! Three-way merge on top-level variables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::rc::Rc;

use bytes::Bytes;

use super::Document;
use crate::codec::PhpWriter;
use crate::value::{Key, Node, NodeId};
use crate::{EncodeError, Limits, Merge, SerializeHandler};

/// What became of a three-way merge.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MergeOutcome {
    /// Both sides' changes together.
    Merged(Document),
    /// Both sides changed these variables, differently.
    Conflict(Vec<Key>),
}

impl Document {
    /// Puts `ours`, made from `base`, on top of `theirs`, also made from
    /// `base`: each variable that one side alone changed or removed is taken
    /// from that side.
    ///
    /// Variables that share objects or PHP references in any of the three
    /// count as one, since changing one of them changes the other.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a session exceeds `limits`.
    ///
    /// # Examples
    ///
    /// ```
    /// use session_store::{Document, Limits, MergeOutcome, SerializeHandler::Php};
    ///
    /// let limits = Limits::default();
    /// let read = |bytes: &'static str| Document::decode(Php, bytes, &limits);
    /// let (base, theirs) = (read("a|i:1;b|i:1;")?, read("a|i:1;b|i:2;")?);
    ///
    /// let merged = Document::merge(&base, &read("a|i:5;b|i:1;")?, &theirs, &limits)?;
    /// let MergeOutcome::Merged(merged) = merged else { panic!("no conflict") };
    /// assert_eq!(merged.encode(Php, &limits)?, "a|i:5;b|i:2;");
    ///
    /// let clash = Document::merge(&base, &read("a|i:1;b|i:3;")?, &theirs, &limits)?;
    /// assert!(matches!(clash, MergeOutcome::Conflict(names) if names == ["b".into()]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn merge(
        base: &Self,
        ours: &Self,
        theirs: &Self,
        limits: &Limits,
    ) -> Result<MergeOutcome, EncodeError> {
        let [base, ours, theirs] = [base, ours, theirs].map(Values::of);
        let mut merged = theirs.document.clone();
        let mut conflicts = Vec::new();
        for group in groups([base.document, ours.document, theirs.document]) {
            let before = base.fingerprint(&group, limits)?;
            let wanted = ours.fingerprint(&group, limits)?;
            let found = theirs.fingerprint(&group, limits)?;
            if wanted == before || wanted == found {
                continue;
            }
            if found == before {
                merged.take_over(&ours, &group);
            } else {
                conflicts.extend(group);
            }
        }
        Ok(if conflicts.is_empty() {
            MergeOutcome::Merged(merged)
        } else {
            MergeOutcome::Conflict(conflicts)
        })
    }

    /// Makes some variables what they are in `other`.
    fn take_over(&mut self, other: &Values<'_>, names: &BTreeSet<Key>) {
        let mut copied = HashMap::new();
        for name in names {
            match other.by_name.get(name) {
                Some(value) => {
                    let value =
                        self.graph_mut()
                            .import(other.document.graph(), *value, &mut copied);
                    self.replace(name.clone(), value);
                }
                None => {
                    self.remove_key(name);
                }
            }
        }
    }
}

/// A document's variables by name.
struct Values<'d> {
    document: &'d Document,
    by_name: HashMap<&'d Key, NodeId>,
    places: Rc<HashMap<NodeId, usize>>,
}

impl<'d> Values<'d> {
    fn of(document: &'d Document) -> Self {
        let entries = document.entries().iter();
        Self {
            document,
            by_name: entries.map(|(name, value)| (name, *value)).collect(),
            places: Rc::new(document.graph().places_of_references()),
        }
    }

    /// The values of some variables as text: equal texts, equal values.
    fn fingerprint(&self, names: &BTreeSet<Key>, limits: &Limits) -> Result<Vec<u8>, EncodeError> {
        let mut writer = PhpWriter::new(self.document.graph(), limits).with_places(&self.places);
        for name in names {
            if let Some(value) = self.by_name.get(name) {
                writer.write_key(name)?;
                writer.write_value(*value)?;
            }
        }
        Ok(writer.out.into_bytes())
    }
}

/// Merges sessions in this format variable by variable, within the default
/// [`Limits`].
impl Merge for SerializeHandler {
    fn merge(
        &self,
        base: &[u8],
        ours: &[u8],
        theirs: &[u8],
    ) -> Result<Option<Bytes>, Box<dyn Error + Send + Sync>> {
        merge_bytes(*self, &Limits::default(), base, ours, theirs)
    }
}

pub(crate) fn merge_bytes(
    handler: SerializeHandler,
    limits: &Limits,
    base: &[u8],
    ours: &[u8],
    theirs: &[u8],
) -> Result<Option<Bytes>, Box<dyn Error + Send + Sync>> {
    let read = |bytes| Document::decode(handler, Bytes::copy_from_slice(bytes), limits);
    match Document::merge(&read(base)?, &read(ours)?, &read(theirs)?, limits)? {
        MergeOutcome::Merged(document) => Ok(Some(document.encode(handler, limits)?)),
        MergeOutcome::Conflict(_) => Ok(None),
    }
}

/// Names of all variables, those that share state together.
fn groups(documents: [&Document; 3]) -> Vec<BTreeSet<Key>> {
    let mut parents: BTreeMap<Key, Key> = BTreeMap::new();
    for document in documents {
        for (name, _) in document.entries() {
            parents.entry(name.clone()).or_insert_with(|| name.clone());
        }
    }
    for document in documents {
        for (one, other) in shared_state(document) {
            let (one, other) = (leader(&parents, one), leader(&parents, other));
            // The earlier name leads, so that the ways to it stay short.
            parents.insert(other, one);
        }
    }
    let mut groups: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for name in parents.keys() {
        groups
            .entry(leader(&parents, name))
            .or_default()
            .insert(name.clone());
    }
    groups.into_values().collect()
}

fn leader(parents: &BTreeMap<Key, Key>, name: &Key) -> Key {
    let mut name = name;
    while let Some(parent) = parents.get(name).filter(|parent| *parent != name) {
        name = parent;
    }
    name.clone()
}

/// Pairs of variables that reach the same object, reference or array.
fn shared_state(document: &Document) -> Vec<(&Key, &Key)> {
    let graph = document.graph();
    let mut owners: HashMap<NodeId, &Key> = HashMap::new();
    let mut pairs = Vec::new();
    for (name, value) in document.entries() {
        let mut pending = vec![*value];
        while let Some(id) = pending.pop() {
            match graph.node(id) {
                Node::Array(entries) if entries.is_empty() => continue,
                Node::Array(_) | Node::Object(_) | Node::Opaque(_) | Node::Reference(_) => {}
                _ => continue,
            }
            if let Some(owner) = owners.insert(id, name) {
                if owner != name {
                    pairs.push((owner, name));
                }
                continue;
            }
            if let Node::Reference(target) = graph.node(id) {
                pending.push(*target);
            }
            pending.extend(graph.entries(id).iter().map(|(_, child)| *child));
        }
    }
    pairs
}
