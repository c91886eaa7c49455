//! php-fpm configuration files: parsed without loss, checked as php-fpm does and further, explained and edited.

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

mod config;
pub mod diagnostic;
mod draft;
mod dump;
pub mod edit;
mod effective;
#[cfg(feature = "std")]
mod ini;
mod lint;
mod load;
pub mod model;
mod options;
pub mod plan;
pub mod schema;
pub mod source;
mod suggest;
pub mod syntax;
mod validate;
pub mod world;

pub use config::Config;
pub use effective::{EffectiveSection, EffectiveValue};
pub use options::{Limits, Options, StartedAs};
