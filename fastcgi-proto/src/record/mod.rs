//! Records: taken apart from input that comes in any pieces, put together
//! for output that goes out in any pieces.

mod decoder;
mod output;
mod part;

pub use decoder::{BorrowedPart, RecordDecoder};
pub use output::Outgoing;
pub use part::Part;

pub(crate) use decoder::Found;
pub(crate) use output::{Format, Output};
