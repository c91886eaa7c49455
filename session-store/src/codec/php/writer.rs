//! Writes the value grammar of `serialize()`, numbers and all.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::super::output::Output;
use super::super::{EncodeError, Limits};
use super::is_class_name;
use crate::value::{EnumCase, Graph, Key, Node, NodeId, write_float};

/// Writes values one after another; `R:` and `r:` count across all of them.
pub(crate) struct Writer<'a> {
    graph: &'a Graph,
    pub(crate) out: Output,
    /// Values numbered so far.
    numbered: usize,
    /// Numbers of objects and shared references.
    seen: HashMap<NodeId, usize>,
    back_references: usize,
    /// Member arrays that are being written.
    inside: HashSet<NodeId>,
    /// How many places each reference has; counted when first asked.
    places: Option<Rc<HashMap<NodeId, usize>>>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(graph: &'a Graph, limits: &Limits) -> Self {
        Self {
            graph,
            out: Output::new(limits),
            numbered: 0,
            seen: HashMap::new(),
            back_references: 0,
            inside: HashSet::new(),
            places: None,
        }
    }

    /// Takes the count of references' places from a writer of the same graph.
    pub(crate) fn with_places(mut self, places: &Rc<HashMap<NodeId, usize>>) -> Self {
        self.places = Some(Rc::clone(places));
        self
    }

    /// Whether `R:` or `r:` was written.
    pub(crate) const fn has_back_references(&self) -> bool {
        self.back_references > 0
    }

    /// Objects and shared references written so far.
    pub(crate) fn identities(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.seen.keys().copied()
    }

    /// Writes one whole value.
    pub(crate) fn write_value(&mut self, id: NodeId) -> Result<(), EncodeError> {
        let opened = self.begin(id)?;
        self.write_members(opened)
    }

    /// Writes an array that takes a number but cannot be referred to: the
    /// session array itself, as `php_serialize` writes it.
    pub(crate) fn write_root(&mut self, root: NodeId) -> Result<(), EncodeError> {
        self.numbered += 1;
        let opened = self.begin_content(root)?;
        self.write_members(opened)
    }

    fn write_members(&mut self, outermost: Option<Members<'a>>) -> Result<(), EncodeError> {
        let mut open = Vec::new();
        if let Some(outermost) = outermost {
            self.out.deepen(0)?;
            open.push(outermost);
        }
        while let Some(members) = open.last_mut() {
            let Some((key, value)) = members.rest.next() else {
                if let Some(start) = members.payload {
                    self.out
                        .insert(start, format_args!("{}:{{", self.out.len() - start))?;
                }
                self.out.push(b'}')?;
                self.inside.remove(&members.container);
                open.pop();
                continue;
            };
            if members.payload.is_none() {
                self.write_key(key)?;
            }
            let is_array = matches!(self.graph.node(*value), Node::Array(_));
            if is_array && (self.inside.contains(value) || members.container == *value) {
                // PHP cuts an array short that is not a reference of itself
                // and yet inside itself.
                self.numbered += 1;
                self.out.extend(b"N;")?;
                continue;
            }
            if let Some(opened) = self.begin(*value)? {
                self.out.deepen(open.len())?;
                if is_array {
                    self.inside.insert(*value);
                }
                open.push(opened);
            }
        }
        Ok(())
    }

    /// Writes a value up to its first member, if it has any; this is PHP's
    /// `php_add_var_hash`, rule by rule.
    fn begin(&mut self, id: NodeId) -> Result<Option<Members<'a>>, EncodeError> {
        self.out.count()?;
        self.numbered += 1;
        let (target, node) = self.graph.resolve(id);
        let is_reference = target != id && self.is_shared(id);
        let is_object = matches!(node, Node::Object(_) | Node::Enum(_) | Node::Opaque(_));
        if is_reference || is_object {
            // A reference to an object is known by the object.
            let identity = if is_object { target } else { id };
            if let Some(&number) = self.seen.get(&identity) {
                self.back_references += 1;
                if is_reference {
                    self.numbered -= 1;
                    self.out.put(format_args!("R:{number};"))?;
                } else {
                    self.out.put(format_args!("r:{number};"))?;
                }
                return Ok(None);
            }
            self.seen.insert(identity, self.numbered);
        }
        self.begin_content(target)
    }

    /// Whether a reference has more than one place. One that has not is a
    /// plain value to PHP, even where arrays not yet copied show it twice.
    fn is_shared(&mut self, reference: NodeId) -> bool {
        let places = self
            .places
            .get_or_insert_with(|| Rc::new(self.graph.places_of_references()));
        places.get(&reference).is_some_and(|places| *places > 1)
    }

    fn begin_content(&mut self, id: NodeId) -> Result<Option<Members<'a>>, EncodeError> {
        match self.graph.node(id) {
            Node::Null => self.out.extend(b"N;")?,
            Node::Bool(value) => self.out.extend(if *value { b"b:1;" } else { b"b:0;" })?,
            Node::Int(value) => self.out.put(format_args!("i:{value};"))?,
            Node::Float(value) => {
                let mut text = b"d:".to_vec();
                write_float(*value, &mut text);
                self.out.extend(&text)?;
                self.out.push(b';')?;
            }
            Node::Str(value) => self.write_string(value)?,
            Node::Array(entries) => {
                self.out.put(format_args!("a:{}:{{", entries.len()))?;
                return Ok(Some(Members::of(id, entries)));
            }
            Node::Object(object) => {
                self.write_class(b'O', &object.class)?;
                self.out.put(format_args!(":{}:{{", object.props.len()))?;
                return Ok(Some(Members::of(id, &object.props)));
            }
            Node::Enum(known) => {
                let EnumCase { class, case } = known.as_ref();
                check_class_name(class)?;
                check_class_name(case)?;
                self.out
                    .put(format_args!("E:{}:\"", class.len() + 1 + case.len()))?;
                self.out.extend(class)?;
                self.out.push(b':')?;
                self.out.extend(case)?;
                self.out.extend(b"\";")?;
            }
            Node::Opaque(opaque) => {
                self.write_class(b'C', opaque.class())?;
                self.out.push(b':')?;
                let Some(payload) = opaque.payload() else {
                    return Ok(Some(Members {
                        payload: Some(self.out.len()),
                        ..Members::of(id, &opaque.members)
                    }));
                };
                self.out.put(format_args!("{}:{{", payload.len()))?;
                self.out.extend(payload)?;
                self.out.push(b'}')?;
            }
            // `begin` has followed all references.
            Node::Reference(target) => return self.begin(*target),
        }
        Ok(None)
    }

    fn write_class(&mut self, tag: u8, class: &bytes::Bytes) -> Result<(), EncodeError> {
        check_class_name(class)?;
        self.out.push(tag)?;
        self.out.put(format_args!(":{}:\"", class.len()))?;
        self.out.extend(class)?;
        self.out.push(b'"')
    }

    fn write_string(&mut self, value: &[u8]) -> Result<(), EncodeError> {
        self.out.put(format_args!("s:{}:\"", value.len()))?;
        self.out.extend(value)?;
        self.out.extend(b"\";")
    }

    pub(crate) fn write_key(&mut self, key: &Key) -> Result<(), EncodeError> {
        match key {
            Key::Int(value) => self.out.put(format_args!("i:{value};")),
            Key::Str(name) => self.write_string(name),
        }
    }
}

/// Members still to be written.
struct Members<'a> {
    container: NodeId,
    rest: std::slice::Iter<'a, (Key, NodeId)>,
    /// Where an opaque payload starts; its length goes in front at the end.
    payload: Option<usize>,
}

impl<'a> Members<'a> {
    fn of(container: NodeId, entries: &'a [(Key, NodeId)]) -> Self {
        Self {
            container,
            rest: entries.iter(),
            payload: None,
        }
    }
}

/// Refuses names that PHP could not read back, such as those of anonymous
/// classes with their NUL.
pub(crate) fn check_class_name(name: &bytes::Bytes) -> Result<(), EncodeError> {
    if is_class_name(name) {
        return Ok(());
    }
    Err(EncodeError::ClassName {
        name: Key::Str(name.clone()),
    })
}
