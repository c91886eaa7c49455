//! The settings as php-fpm holds them: what was read, then completed and
//! checked in place.

mod section;

pub(crate) use section::{ArrayEntry, Origin, Section};

use std::collections::HashMap;

/// All settings of a configuration.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) global: Section,
    /// Whether `[global]` was met; else its header is the start of the file.
    pub(crate) has_global_header: bool,
    /// In the order in which the pools first appear.
    pub(crate) pools: Vec<Section>,
    by_name: HashMap<Vec<u8>, usize>,
}

impl Draft {
    pub(crate) fn new(global: Section) -> Self {
        Self {
            global,
            has_global_header: false,
            pools: Vec::new(),
            by_name: HashMap::new(),
        }
    }

    /// The section of index `pool`; `None` is `[global]`.
    pub(crate) fn section(&mut self, pool: Option<usize>) -> &mut Section {
        match pool {
            Some(index) => &mut self.pools[index],
            None => &mut self.global,
        }
    }

    /// The pool of a name in any case, or a new one that `make` gives.
    pub(crate) fn pool(&mut self, name: &[u8], make: impl FnOnce() -> Section) -> usize {
        let next = self.pools.len();
        let index = *self
            .by_name
            .entry(name.to_ascii_lowercase())
            .or_insert(next);
        if index == next {
            self.pools.push(make());
        }
        index
    }
}
