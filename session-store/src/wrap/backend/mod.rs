//! Backends around backends: other values, other ids.

mod ids;
mod values;

pub use ids::HashedIds;
#[cfg(feature = "laravel")]
pub use values::{LaravelCache, LaravelJson};
pub use values::{ValueWrap, WrappedValues};
