//! First bytes of igbinary values.

pub(super) const NULL: u8 = 0x00;
/// Back-reference to an array or scalar; +1 and +2 for wider numbers.
pub(super) const REF: u8 = 0x01;
pub(super) const FALSE: u8 = 0x04;
pub(super) const TRUE: u8 = 0x05;
/// Positive integer; +1 for a negative one.
pub(super) const INT8: u8 = 0x06;
pub(super) const INT16: u8 = 0x08;
pub(super) const INT32: u8 = 0x0a;
pub(super) const INT64: u8 = 0x20;
pub(super) const DOUBLE: u8 = 0x0c;
pub(super) const STRING_EMPTY: u8 = 0x0d;
/// A string written before; +1 and +2 for wider numbers.
pub(super) const STRING_ID: u8 = 0x0e;
/// A string; +1 and +2 for wider lengths.
pub(super) const STRING: u8 = 0x11;
pub(super) const STRING64: u8 = 0x26;
/// An array; +1 and +2 for wider counts.
pub(super) const ARRAY: u8 = 0x14;
/// An object by class name; +1 and +2 for wider lengths.
pub(super) const OBJECT: u8 = 0x17;
/// An object whose class name was written before; +1 and +2 as above.
pub(super) const OBJECT_ID: u8 = 0x1a;
/// Payload of a `Serializable`; +1 and +2 as above.
pub(super) const PAYLOAD: u8 = 0x1d;
/// Back-reference to an object; +1 and +2 as above.
pub(super) const OBJECT_REF: u8 = 0x22;
/// The next value is a PHP reference.
pub(super) const REFERENCE: u8 = 0x25;
pub(super) const ENUM_CASE: u8 = 0x27;
