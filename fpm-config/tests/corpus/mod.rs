//! Configuration files for comparison with the real php-fpm.

mod random;
mod structure;
mod values;

/// One configuration: its main file, and files that it may include.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// The main file, `case.conf` in a folder of its own.
    pub(crate) main: Vec<u8>,
    /// Further files in that folder.
    pub(crate) others: Vec<(String, Vec<u8>)>,
    /// Whether php-fpm gets the folder as `-p`, so that relative paths stay
    /// in it.
    pub(crate) prefix: bool,
}

/// The corpus. `@` in generated text stands for the case's folder. Unless
/// `whole`, three of five generated values and lines, and all of the rest.
pub(crate) fn cases(whole: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    values::add(&mut cases);
    random::add(&mut cases);
    if !whole {
        let mut number = 0;
        cases.retain(|_| {
            number += 1;
            number % 5 < 3
        });
    }
    structure::add(&mut cases);
    cases
}

pub(crate) const GLOBAL: &str = "[global]\nerror_log = @/error.log\n";
pub(crate) const POOL: &str =
    "[www]\nuser = www-data\nlisten = @/www.sock\npm = static\npm.max_children = 2\n";

impl Case {
    /// A case of one file.
    pub(crate) fn new(main: impl Into<Vec<u8>>) -> Self {
        Self {
            main: main.into(),
            others: Vec::new(),
            prefix: true,
        }
    }

    /// Without `-p`; for cases that create no file by a relative path.
    pub(crate) fn without_prefix(mut self) -> Self {
        self.prefix = false;
        self
    }

    /// Adds an included file.
    pub(crate) fn with(mut self, name: &str, text: impl Into<Vec<u8>>) -> Self {
        self.others.push((name.to_owned(), text.into()));
        self
    }
}
