//! What frameworks and clients put around session data before they store it:
//! compression, flags, encryption, a second `serialize()`.

mod backend;
mod error;
#[cfg(any(feature = "compression", test))]
mod fastlz;
#[cfg(feature = "laravel")]
pub mod laravel;
#[cfg(any(feature = "compression", test))]
mod lz;
#[cfg(any(feature = "compression", test))]
mod lzf;
#[cfg(feature = "compression")]
pub mod memcached;
#[cfg(feature = "compression")]
pub mod phpredis;
pub mod symfony;

pub use backend::{HashedIds, ValueWrap, WrappedValues};
#[cfg(feature = "laravel")]
pub use backend::{LaravelCache, LaravelJson};
pub use error::WrapError;
