//! A configuration that was read and checked.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::diagnostic::{Diagnostic, LogLine, LogSeverity, Severity, Sink};
use crate::draft::Draft;
use crate::dump;
use crate::effective::{self, EffectiveSection};
use crate::lint;
use crate::load::load;
use crate::model::{Global, Pool, Text};
use crate::options::Options;
use crate::schema::PhpVersion;
use crate::source::{FileId, Sources};
use crate::validate;
use crate::world::World;

/// A configuration with all its files: settings, findings, and what php-fpm
/// would have said.
///
/// # Examples
///
/// ```
/// use fpm_config::world::{Account, MemoryWorld, World};
/// use fpm_config::{Config, Options};
///
/// let mut world = MemoryWorld::default();
/// world.add_user("www-data", Account::new(33, 33));
/// world.add_file("/var/log/keep", "");
/// world.add_file(
///     "/etc/fpm.conf",
///     "[global]\nerror_log = /var/log/fpm.log\n[www]\nuser = www-data\n\
///      listen = 127.0.0.1:9000\npm = static\npm.max_children = 4\n",
/// );
/// let config = Config::load("/etc/fpm.conf".as_ref(), &Options::default(), &World::of(&world));
///
/// assert!(config.would_start());
/// assert_eq!(config.pools()[0].max_children.value, 4);
/// ```
#[derive(Debug)]
pub struct Config {
    sources: Sources,
    draft: Draft,
    global: Global,
    pools: Vec<Pool>,
    diagnostics: Vec<Diagnostic>,
    /// Without the dump, which few ask for.
    log: Vec<LogLine>,
    dump: Option<Dump>,
    accepted: bool,
    opened: bool,
    starts: Vec<Option<usize>>,
}

/// Where the dump stands in the log, and how.
#[derive(Debug)]
struct Dump {
    at: usize,
    syslog: bool,
    php: PhpVersion,
}

impl Config {
    /// Reads `path` and what it includes, completes and checks it.
    ///
    /// It never fails: what is wrong is in [`Self::diagnostics`], and the
    /// settings hold what could be read.
    #[must_use]
    pub fn load(path: &Path, options: &Options, world: &World<'_>) -> Self {
        let mut sink = Sink::new(options.lints.clone(), options.limits.max_findings);
        let mut loaded = load(path, options, world, &mut sink);
        if loaded.opened {
            validate::validate(&mut loaded.draft, options, world, &mut sink);
        }
        let shown = path.as_os_str().as_bytes();
        // php-fpm writes its dump to the log, so log_level may hide it.
        let is_dumped = sink.stopped.is_none() && sink.log_level <= LogSeverity::Notice;
        let dump = is_dumped.then_some(Dump {
            at: sink.log.len(),
            syslog: sink.syslog,
            php: options.php,
        });
        validate::ending(&mut sink, shown);
        let accepted = sink.stopped.is_none();
        let draft = loaded.draft;
        let global = Global::read(&draft.global);
        let pools = draft.pools.iter().filter(|pool| pool.status_of.is_none());
        let pools: Vec<Pool> = pools.map(Pool::read).collect();
        if loaded.opened {
            let subject = lint::Subject {
                draft: &draft,
                global: &global,
                pools: &pools,
                sources: &loaded.sources,
                options,
                world,
            };
            lint::run(&subject, &mut sink);
        }
        sink.finish(draft.global.header);
        Self {
            sources: loaded.sources,
            draft,
            global,
            pools,
            diagnostics: sink.diagnostics,
            log: sink.log,
            dump,
            accepted,
            opened: loaded.opened,
            starts: loaded.starts,
        }
    }

    /// Settings of the master.
    #[must_use]
    pub fn global(&self) -> &Global {
        &self.global
    }

    /// The pools, in the order in which they first appear.
    #[must_use]
    pub fn pools(&self) -> &[Pool] {
        &self.pools
    }

    /// The pool of a name, in any case.
    #[must_use]
    pub fn pool(&self, name: &str) -> Option<&Pool> {
        let name = name.as_bytes();
        let mut pools = self.pools.iter();
        pools.find(|pool| pool.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Every finding, in php-fpm's order of checking, lints last.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The files, for the spans in findings and settings.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What `php-fpm -tt` prints on its standard error.
    #[must_use]
    pub fn log(&self) -> Vec<LogLine> {
        let mut lines = self.log.clone();
        if let Some(dump) = &self.dump {
            let mut dumped = dump::lines(&self.draft, dump.php);
            for line in &mut dumped {
                line.syslog = dump.syslog;
            }
            lines.splice(dump.at..dump.at, dumped);
        }
        lines
    }

    /// Whether `php-fpm -t` succeeds.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.accepted
    }

    /// Whether php-fpm would start, as far as files tell: a port may still be
    /// taken. Some errors show at a start only, so this may be false although
    /// [`Self::accepted`] is true.
    #[must_use]
    pub fn would_start(&self) -> bool {
        let mut all = self.diagnostics.iter();
        self.accepted && !all.any(|finding| finding.severity == Severity::Error)
    }

    /// Whether the main file could be opened at all.
    #[must_use]
    pub fn opened(&self) -> bool {
        self.opened
    }

    /// The pool whose section `file` starts in, because its `include` stands
    /// there; `None`: `[global]`.
    #[must_use]
    pub fn starts_in(&self, file: FileId) -> Option<&Text> {
        let index = self.starts.get(file.index()).copied().flatten()?;
        let section = self.draft.pools.get(index)?;
        let mut pools = self.pools.iter();
        let pool = pools.find(|pool| pool.name.as_bytes() == section.name)?;
        Some(&pool.name)
    }

    /// Every value that is in effect, as text, with its source: `[global]`
    /// first, then the pools.
    #[must_use]
    pub fn effective(&self) -> Vec<EffectiveSection> {
        effective::sections(&self.draft)
    }
}
