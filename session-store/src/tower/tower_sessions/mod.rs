//! For applications written for `tower-sessions`: their sessions are PHP's.
//!
//! `tower-sessions` knows ids of 128 bits only. PHP's built-in default and
//! the only form that PHP 8.4 does not deprecate, 32 hex digits, is just
//! that: set `session.sid_length=32` and `session.sid_bits_per_character=4`.
//! [`PhpIdLayer`] translates the cookie between the two spellings.

mod ids;
mod store;

pub use ids::{PhpIdLayer, PhpIdService};
pub use store::PhpSessionStore;
