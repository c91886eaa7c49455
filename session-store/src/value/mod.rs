//! PHP values as a graph: references, object identity, enums and opaque
//! payloads survive, so that a session can be written back without loss.

mod float;
mod graph;
mod key;
mod view;

pub(crate) use float::{parse_float, write_float};
pub use graph::{EnumCase, Graph, Node, NodeId, Object, Opaque};
pub use key::Key;
pub use view::{Entries, ValueKind, ValueRef};
