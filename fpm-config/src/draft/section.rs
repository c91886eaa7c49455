//! One section: `[global]` or a pool.

use crate::schema::{DefaultValue, Id, ProcessManager, Value};
use crate::source::Span;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Written there.
    Written(Span),
    /// php-fpm works it out from others.
    Derived,
}

/// A value that is not the default.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) id: Id,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// One entry of an array such as `env[KEY] = value`.
#[derive(Debug, Clone)]
pub(crate) struct ArrayEntry {
    /// As written: flags keep their own id.
    pub(crate) id: Id,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) key_span: Span,
    pub(crate) value_span: Span,
    pub(crate) name_span: Span,
}

/// The settings of one section.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    /// The pool's name, in its first spelling; `global` for `[global]`.
    pub(crate) name: Vec<u8>,
    /// Its first header, or the start of the main file.
    pub(crate) header: Span,
    slots: Vec<Slot>,
    /// Arrays in the order of reading.
    pub(crate) arrays: Vec<ArrayEntry>,
    /// A statement in it was refused: what else seems missing may be that.
    pub(crate) tainted: bool,
    /// The pool that this one serves as `pm.status_listen`.
    pub(crate) status_of: Option<usize>,
}

impl Section {
    pub(crate) fn new(name: Vec<u8>, header: Span) -> Self {
        Self {
            name,
            header,
            slots: Vec::new(),
            arrays: Vec::new(),
            tainted: false,
            status_of: None,
        }
    }

    pub(crate) fn slot(&self, id: Id) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.id == id)
    }

    /// Sets a value as written; the last one counts.
    pub(crate) fn write(&mut self, id: Id, value: Value, span: Span) {
        let slot = Slot {
            id,
            value,
            origin: Origin::Written(span),
        };
        match self.slots.iter_mut().find(|known| known.id == id) {
            Some(known) => *known = slot,
            None => self.slots.push(slot),
        }
    }

    /// Completes or changes a value; a written one keeps its place.
    pub(crate) fn derive(&mut self, id: Id, value: Value) {
        match self.slots.iter_mut().find(|known| known.id == id) {
            Some(known) => known.value = value,
            None => self.slots.push(Slot {
                id,
                value,
                origin: Origin::Derived,
            }),
        }
    }

    pub(crate) fn unset(&mut self, id: Id) {
        self.slots.retain(|slot| slot.id != id);
    }

    pub(crate) fn is_set(&self, id: Id) -> bool {
        self.slot(id).is_some()
    }

    /// Where the value stands, else the header.
    pub(crate) fn span(&self, id: Id) -> Span {
        self.written(id).unwrap_or(self.header)
    }

    /// Where the value stands, if it is written.
    pub(crate) fn written(&self, id: Id) -> Option<Span> {
        match self.slot(id)?.origin {
            Origin::Written(span) => Some(span),
            Origin::Derived => None,
        }
    }

    /// Every value that is written, and where.
    pub(crate) fn all_written(&self) -> impl Iterator<Item = (Id, Span)> {
        self.slots.iter().filter_map(|slot| match slot.origin {
            Origin::Written(span) => Some((slot.id, span)),
            Origin::Derived => None,
        })
    }

    /// The number of an integer, time or limit.
    pub(crate) fn integer(&self, id: Id) -> i32 {
        match (
            self.slot(id).map(|slot| &slot.value),
            id.directive().default,
        ) {
            (Some(Value::Integer(number)), _) => *number,
            (_, DefaultValue::Integer(number)) => number,
            _ => 0,
        }
    }

    pub(crate) fn boolean(&self, id: Id) -> bool {
        match (
            self.slot(id).map(|slot| &slot.value),
            id.directive().default,
        ) {
            (Some(&Value::Boolean(value)), _) | (_, DefaultValue::Boolean(value)) => value,
            _ => false,
        }
    }

    /// The text, if there is one, empty or not.
    pub(crate) fn text(&self, id: Id) -> Option<&[u8]> {
        match (
            self.slot(id).map(|slot| &slot.value),
            id.directive().default,
        ) {
            (Some(Value::Text(text)), _) => Some(text),
            (None, DefaultValue::Text(text)) => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// The text, if it is not empty.
    pub(crate) fn filled(&self, id: Id) -> Option<&[u8]> {
        self.text(id).filter(|text| !text.is_empty())
    }

    pub(crate) fn process_manager(&self) -> Option<ProcessManager> {
        match self.slot(Id::Pm)?.value {
            Value::ProcessManager(manager) => Some(manager),
            _ => None,
        }
    }
}
