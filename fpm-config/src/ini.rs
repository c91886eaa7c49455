//! php.ini as far as `${name}` needs it: which directive has which value.

use std::collections::HashMap;

use crate::schema::PhpVersion;
use crate::syntax::{Dialect, Event, Names, read_line};
use crate::world::{Environment, builtin_constant};

/// How much of a php.ini file is read.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// The values of a php.ini file. Sections for hosts and paths are left out:
/// they hold for requests only.
pub(crate) fn values(
    bytes: &[u8],
    environment: &dyn Environment,
    php: PhpVersion,
) -> HashMap<Vec<u8>, Vec<u8>> {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut values = HashMap::new();
    let mut for_requests = false;
    // Unlike a pool file, php.ini is parsed as a whole.
    read_line(
        text,
        &IniNames(environment, php),
        Dialect::of(php),
        &mut |event| match event {
            Event::Section { name, .. } => {
                let name = name.to_ascii_uppercase();
                for_requests = name.starts_with(b"PATH=") || name.starts_with(b"HOST=");
            }
            Event::Entry {
                name,
                value: Some(value),
                ..
            } if !for_requests => {
                values.insert(name.to_vec(), value.to_vec());
            }
            Event::Entry { .. } | Event::Array { .. } | Event::Syntax { .. } => {}
        },
    );
    values
}

/// While php.ini is read, PHP knows its core constants only.
struct IniNames<'a>(&'a dyn Environment, PhpVersion);

impl Names for IniNames<'_> {
    fn constant(&self, name: &[u8]) -> Option<Vec<u8>> {
        builtin_constant(name, self.1)
    }

    fn variable(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.0.variable(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    #[test]
    fn values_are_evaluated_and_sections_for_hosts_left_out() {
        let text = b"[PHP]\nmemory_limit = 128M ; enough\nerror_reporting = E_ALL & ~E_NOTICE\n\
            [HOST=a.example]\nmemory_limit = 1G\n";
        let of = |php| values(text, &MemoryWorld::default(), php);
        let values = of(PhpVersion::new(8, 2));
        assert_eq!(values[&b"memory_limit"[..]], b"128M");
        assert_eq!(values[&b"error_reporting"[..]], b"32759");
        // E_ALL is another one in 8.4.
        let values = of(PhpVersion::new(8, 4));
        assert_eq!(values[&b"error_reporting"[..]], b"30711");
    }
}
