//! What directives exist: the one table that loading, dumping, explaining
//! and editing read.

mod directive;
mod parse;
mod table;
mod version;

pub use directive::{DefaultValue, Directive, Kind, Scope};
pub use parse::{LogLevel, ProcessManager};
pub(crate) use parse::{Value, parse_value};
pub use table::{DIRECTIVES, Id};
pub use version::{InvalidVersion, PhpVersion};

/// Finds a directive by name, in any case, as php-fpm does; `env`,
/// `php_value` and the other arrays are named without brackets.
///
/// Two directives of a name (`process.priority`, `rlimit_files` and
/// `rlimit_core` exist in `[global]` and in pools) are told apart by `scope`.
///
/// # Examples
///
/// ```
/// use fpm_config::schema::{directive, Scope};
///
/// let limit = directive("PM.Max_Children", Scope::Pool).unwrap();
/// assert_eq!(limit.name, "pm.max_children");
/// assert!(directive("pm.max_childs", Scope::Pool).is_none());
/// ```
#[must_use]
pub fn directive(name: &str, scope: Scope) -> Option<&'static Directive> {
    find(name.as_bytes(), scope)
}

/// The directive whose name is nearest to `name`, if one is near enough to be
/// what was meant.
#[must_use]
pub fn nearest(name: &str, scope: Scope) -> Option<&'static Directive> {
    let near = crate::suggest::directive_name(name.as_bytes(), scope)?;
    find(near.as_bytes(), scope)
}

/// As [`directive`], from bytes.
pub(crate) fn find(name: &[u8], scope: Scope) -> Option<&'static Directive> {
    DIRECTIVES.iter().find(|directive| {
        let known = directive.name.as_bytes();
        directive.scope == scope
            && known.len() == name.len()
            && if directive.is_case_sensitive() {
                known == name
            } else {
                known.eq_ignore_ascii_case(name)
            }
    })
}
