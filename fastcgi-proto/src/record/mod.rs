//! Records: taken apart from input that comes in any pieces, put together

mod decoder;
mod part;

pub use decoder::{BorrowedPart, RecordDecoder};
pub use part::Part;
