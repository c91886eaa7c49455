//! What a configuration refers to outside itself, behind traits: files,
//! the environment, accounts. `System` (feature `std`) is this machine.

mod accounts;
mod constants;
mod environment;
mod files;
mod glob;
mod memory;
#[cfg(feature = "std")]
mod system;

pub use accounts::{Account, Accounts, Group};
pub use environment::{Environment, builtin_constant};
pub use files::{Entry, FileError, Files, Metadata};
pub(crate) use glob::{GlobError, glob};
pub use memory::MemoryWorld;
#[cfg(feature = "std")]
pub use system::System;

/// Everything outside that a check asks.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "trait objects")]
#[non_exhaustive]
pub struct World<'a> {
    /// Configuration files and the paths that directives name.
    pub files: &'a dyn Files,
    /// Variables, php.ini and constants.
    pub environment: &'a dyn Environment,
    /// Users and groups.
    pub accounts: &'a dyn Accounts,
}

impl<'a> World<'a> {
    /// A world of three parts.
    #[must_use]
    pub fn new(
        files: &'a dyn Files,
        environment: &'a dyn Environment,
        accounts: &'a dyn Accounts,
    ) -> Self {
        Self {
            files,
            environment,
            accounts,
        }
    }

    /// A world that one value knows whole, such as `System` or
    /// [`MemoryWorld`].
    #[must_use]
    pub fn of<T: Files + Environment + Accounts>(whole: &'a T) -> Self {
        Self::new(whole, whole, whole)
    }
}
