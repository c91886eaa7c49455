//! php-fpm's checks of all values together, in its order: the first error is
//! the one that php-fpm stops at; the others are reported all the same.

mod accounts;
mod format;
mod global;
mod logs;
mod paths;
mod pool;
mod spares;
mod web;

use crate::diagnostic::{Code, Diagnostic, LogLine, LogSeverity, Sink, Stage};
use crate::draft::{Draft, Section};
use crate::options::Options;
use crate::schema::{Id, Value};
use crate::world::World;

pub(crate) use global::UNSET_PRIORITY;

/// Completes and checks `draft` in place.
pub(crate) fn validate(draft: &mut Draft, options: &Options, world: &World<'_>, sink: &mut Sink) {
    let mut checks = Checks {
        draft,
        options,
        world,
        sink,
        pool: 0,
    };
    global::check(&mut checks);
    checks.pools();
    pool::duplicate_listen(&mut checks);
    logs::open_access_logs(&mut checks);
    format::check_all(&mut checks);
    checks.each_pool(&[
        accounts::exist,
        accounts::not_root,
        pool::port,
        pool::path_length,
    ]);
}

/// The checks' surroundings. `pool` is the one that is looked at.
struct Checks<'a> {
    draft: &'a mut Draft,
    options: &'a Options,
    world: &'a World<'a>,
    sink: &'a mut Sink,
    pool: usize,
}

type Rule = fn(&mut Checks<'_>);

/// In php-fpm's order.
const POOL_RULES: &[Rule] = &[
    paths::prefix,
    accounts::user_is_set,
    pool::listen,
    pool::priority,
    pool::process_manager,
    spares::max_children,
    spares::dynamic,
    spares::ondemand,
    web::status_listen,
    web::status_path,
    web::ping,
    logs::access_log,
    logs::slowlog,
    logs::trace_depth,
    paths::chroot,
    paths::chdir,
    paths::php_values,
];

impl Checks<'_> {
    fn pools(&mut self) {
        let refused = self.sink.stopped.is_some();
        if self.draft.pools.is_empty() && !refused {
            let span = self.draft.global.header;
            let line =
                "No pool defined. at least one pool section must be specified in config file";
            let none = Diagnostic::new(Code::NoPools, Stage::Validate, span, "there is no pool")
                .help("a section of any name but [global] is a pool, such as [www]");
            self.sink.report(none.line(LogSeverity::Error, line));
        }
        // Rules may add status pools at the end; those are checked too.
        let mut next = 0;
        while next < self.draft.pools.len() {
            self.pool = next;
            for rule in POOL_RULES {
                rule(self);
            }
            next += 1;
        }
    }

    fn each_pool(&mut self, rules: &[Rule]) {
        for pool in 0..self.draft.pools.len() {
            self.pool = pool;
            if self.section().status_of.is_none() {
                for rule in rules {
                    rule(self);
                }
            }
        }
    }

    fn section(&self) -> &Section {
        &self.draft.pools[self.pool]
    }

    fn section_mut(&mut self) -> &mut Section {
        &mut self.draft.pools[self.pool]
    }

    fn set_text(&mut self, id: Id, text: Vec<u8>) {
        self.section_mut().derive(id, Value::Text(text));
    }

    /// `[pool NAME] message`.
    fn pool_line(&self, message: impl AsRef<[u8]>) -> Vec<u8> {
        [
            b"[pool ",
            self.section().name.as_slice(),
            b"] ",
            message.as_ref(),
        ]
        .concat()
    }

    /// An error at the value of `id`, or at the pool's header.
    fn error(&self, code: Code, id: Id, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Stage::Validate, self.section().span(id), message)
    }

    /// Reports `diagnostic` with php-fpm's line about this pool. What a pool
    /// with a refused statement seems to lack may be just that statement.
    fn refuse(&mut self, diagnostic: Diagnostic, level: LogSeverity, line: impl AsRef<[u8]>) {
        if self.section().tainted && diagnostic.span == self.section().header {
            return;
        }
        let line = self.pool_line(line);
        self.sink.report(diagnostic.line(level, line));
    }

    fn is_dir(&self, path: &[u8]) -> bool {
        let metadata = self.world.files.metadata(paths::native(path));
        metadata.is_ok_and(|metadata| metadata.is_dir)
    }
}

/// The lines with which php-fpm ends, after an error or its test.
pub(crate) fn ending(sink: &mut Sink, path: &[u8]) {
    let error = |text: Vec<u8>| LogLine::new(LogSeverity::Error, text);
    match sink.stopped {
        Some(Stage::Parse) => {
            let line = [b"failed to load configuration file '", path, b"'"].concat();
            sink.print(error(line));
        }
        Some(Stage::Validate) => {
            sink.print(error(b"failed to post process the configuration".to_vec()));
        }
        Some(Stage::Test | Stage::Start | Stage::Lint) => {}
        None => {
            let line = [b"configuration file ", path, b" test is successful\n"].concat();
            sink.print(LogLine::new(LogSeverity::Notice, line));
            return;
        }
    }
    sink.print(error(b"FPM initialization failed".to_vec()));
}
