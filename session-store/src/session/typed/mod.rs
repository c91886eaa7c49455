//! Single variables as Rust types, through `serde`.

mod de;
mod error;
mod key;
mod seed;
mod ser;

pub use error::ValueError;
pub use seed::NodeSeed;

use serde::{Deserialize, Serialize};

use super::Document;
use crate::value::{Key, Node, NodeId, Object, ValueRef};

impl<'a> ValueRef<'a> {
    /// Reads the value as a Rust type.
    ///
    /// Arrays and objects become maps and structs, by the names of their
    /// members; private and protected properties by their own names. Arrays
    /// become sequences where the type asks for one. An enum case is a unit
    /// variant, or its name. Strings that are not UTF-8 are bytes.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the value is not what the type expects, is nested
    /// deeper than 128 levels, or holds itself. PHP's loose conversions are
    /// not made: `"5"` is no integer.
    pub fn get<T: Deserialize<'a>>(self) -> Result<T, ValueError> {
        de::from_value(self)
    }
}

impl Document {
    /// Reads a variable as a Rust type; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`ValueRef::get`].
    ///
    /// # Examples
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use session_store::{Document, Limits, SerializeHandler::Php};
    ///
    /// #[derive(Debug, Deserialize, PartialEq, Serialize)]
    /// struct Cart {
    ///     items: Vec<String>,
    ///     total: f64,
    /// }
    ///
    /// let stored = "cart|a:2:{s:5:\"items\";a:1:{i:0;s:3:\"cup\";}s:5:\"total\";d:4.5;}";
    /// let mut session = Document::decode(Php, stored, &Limits::default())?;
    /// let mut cart = session.get::<Cart>("cart")?.ok_or("no cart")?;
    /// assert_eq!(cart.total, 4.5);
    ///
    /// cart.items.push("jug".into());
    /// session.insert("cart", &cart)?;
    /// assert!(session.is_changed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<Option<T>, ValueError> {
        self.value(name).map(ValueRef::get).transpose()
    }

    /// Sets a variable to a Rust value. Structs and maps become arrays.
    ///
    /// As with PHP's assignment, variables that are references (`&`) of it
    /// change with it.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if PHP has nothing like the value: integers outside
    /// `i64`, maps with keys other than strings and integers. The session is
    /// as it was then.
    pub fn insert<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), ValueError> {
        let value = ser::to_node(self.graph_mut(), value)?;
        self.set(self.known_name(name), value);
        Ok(())
    }

    /// Sets a variable to an object of a PHP class with public properties.
    ///
    /// PHP makes an instance of that class when it reads the session, so the
    /// name must not come from a visitor.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), and for a value that is no struct or map.
    pub fn insert_object<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        class: &str,
        value: &T,
    ) -> Result<(), ValueError> {
        let value = ser::to_node(self.graph_mut(), value)?;
        let Node::Array(members) = self.graph().node(value).clone() else {
            return Err(ValueError::no_members());
        };
        let props = members
            .into_iter()
            .map(|(key, value)| (as_property(&key), value))
            .collect();
        let object = Object::new(class.to_owned().into(), props);
        let object = self.graph_mut().add(Node::Object(Box::new(object)));
        self.set(self.known_name(name), object);
        Ok(())
    }

    /// Sets members of a variable that is an array or object already, and
    /// keeps all others; an object keeps its class, and its properties their
    /// visibility. Without such a variable this is [`insert`](Self::insert).
    ///
    /// # Errors
    ///
    /// As [`insert_object`](Self::insert_object).
    ///
    /// # Examples
    ///
    /// ```
    /// use session_store::{Document, Limits, SerializeHandler::Php};
    ///
    /// let stored = "user|O:4:\"User\":2:{s:2:\"id\";i:7;s:7:\"\0*\0name\";s:3:\"Ada\";}";
    /// let mut session = Document::decode(Php, stored, &Limits::default())?;
    /// session.update("user", &std::collections::BTreeMap::from([("name", "Eve")]))?;
    /// let bytes = session.encode(Php, &Limits::default())?;
    /// assert_eq!(bytes, "user|O:4:\"User\":2:{s:2:\"id\";i:7;s:7:\"\0*\0name\";s:3:\"Eve\";}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), ValueError> {
        let Some(old) = self.value(name) else {
            return self.insert(name, value);
        };
        let old = self.graph().resolve(old.id()).0;
        let new = ser::to_node(self.graph_mut(), value)?;
        let Node::Array(new) = self.graph().node(new).clone() else {
            return Err(ValueError::no_members());
        };
        let updated = match self.graph().node(old).clone() {
            // All places that hold the object see the change.
            Node::Object(mut object) => {
                put_members(&mut object.props, new, as_property);
                *self.graph_mut().node_mut(old) = Node::Object(object);
                old
            }
            Node::Array(mut members) => {
                put_members(&mut members, new, Key::clone);
                self.graph_mut().add(Node::Array(members))
            }
            _ => return Err(ValueError::no_members()),
        };
        self.set(self.known_name(name), updated);
        Ok(())
    }

    /// The name as the session has it: `"5"` may be the integer 5 there.
    fn known_name(&self, name: &str) -> Key {
        let name = Key::from(name);
        self.position(&name)
            .map_or(name, |index| self.entries()[index].0.clone())
    }
}

/// Property names are strings, even `"5"`.
fn as_property(key: &Key) -> Key {
    match key {
        Key::Int(number) => Key::from(number.to_string()),
        Key::Str(_) => key.clone(),
    }
}

fn put_members(members: &mut Vec<(Key, NodeId)>, new: Vec<(Key, NodeId)>, to_key: fn(&Key) -> Key) {
    for (key, value) in new {
        let key = to_key(&key);
        let own_name = |known: &Key| {
            *known == key || (known.unmangled().is_some() && known.unmangled() == key.as_bytes())
        };
        match members.iter_mut().find(|(known, _)| own_name(known)) {
            Some(member) => member.1 = value,
            None => members.push((key, value)),
        }
    }
}
