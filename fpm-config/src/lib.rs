//! php-fpm's configuration files: parsed without loss, checked as php-fpm
//! does and further, explained, and edited.
//!
//! [`Config::load`] reads a main file with all that it includes. It never
//! fails: what is wrong comes as data, many findings per run, each with
//! php-fpm's own text.
//!
//! ```
//! use fpm_config::diagnostic::{Code, Severity};
//! use fpm_config::world::{MemoryWorld, World};
//! use fpm_config::{Config, Options};
//!
//! let mut world = MemoryWorld::default();
//! world.add_file("fpm.conf", "[www]\npm = dynamik\nlisten.mode = 0666\n");
//! let config = Config::load("fpm.conf".as_ref(), &Options::default(), &World::of(&world));
//!
//! let first = &config.diagnostics()[0];
//! assert_eq!((first.code, first.severity), (Code::InvalidValue, Severity::Error));
//! assert_eq!(config.sources().position(first.span).line, 2);
//! assert!(first.php_fpm[0].text.ends_with(b"(static, dynamic or ondemand)"));
//! ```
//!
//! # How it works
//!
//! 1. [`syntax`] cuts a file into lines and reads each as PHP's ini scanner
//!    does in its NORMAL mode: keywords, constants, `${…}`, operators,
//!    quoting. [`syntax::Document`] keeps every byte.
//! 2. The statements fill the sections; [`schema::DIRECTIVES`] is the one
//!    table that says which names there are and how their values are read.
//! 3. php-fpm's rules between values are checked in php-fpm's order, so the
//!    first error is the one that it stops at ([`Config::log`] is what
//!    `php-fpm -tt` prints). The others are reported all the same.
//! 4. [`model`] has the settings in types, each with its place.
//! 5. Lints add what php-fpm does not say. [`edit`] changes a file and
//!    nothing else in it, [`plan`] proposes numbers.
//!
//! The crate opens no file itself: what is outside comes through the traits
//! in [`world`]. Text is bytes, for files may hold any.
//!
//! # Features
//!
//! - `std` (default): [`world::System`], this machine behind the traits.
//! - `render` (default): [`diagnostic::render`], findings as text.
//! - `serde`: `Serialize` for the typed model, plans and findings.

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
