//! The constants of PHP 8.2 with Debian's linked-in extensions, as text;
//! without those that differ between versions of PHP.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One `NAME`, a tab and the value a line.
static TABLE: &[u8] = include_bytes!("constants.tsv");

static INDEX: LazyLock<HashMap<&'static [u8], &'static [u8]>> = LazyLock::new(|| {
    let lines = TABLE.split(|&byte| byte == b'\n');
    lines
        .filter_map(|line| {
            let tab = line.iter().position(|&byte| byte == b'\t')?;
            Some((&line[..tab], &line[tab + 1..]))
        })
        .collect()
});

/// The text of the constant `name`.
pub(super) fn find(name: &[u8]) -> Option<&'static [u8]> {
    // Every name here has an upper-case letter, so most words cost nothing.
    let may_be = name.iter().any(u8::is_ascii_uppercase);
    may_be.then(|| INDEX.get(name).copied()).flatten()
}
