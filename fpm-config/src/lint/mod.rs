//! Findings beyond php-fpm's own.

mod arrays;
mod logs;
mod memory;
mod misread;
mod network;
mod requests;

use crate::diagnostic::{Code, Diagnostic, Sink, Stage};
use crate::draft::{Draft, Section};
use crate::model::{Global, Pool};
use crate::options::Options;
use crate::source::{Sources, Span};
use crate::world::World;

/// What lints look at.
pub(crate) struct Subject<'a> {
    pub(crate) draft: &'a Draft,
    pub(crate) global: &'a Global,
    pub(crate) pools: &'a [Pool],
    pub(crate) sources: &'a Sources,
    pub(crate) options: &'a Options,
    pub(crate) world: &'a World<'a>,
}

/// Runs every lint.
pub(crate) fn run(subject: &Subject<'_>, sink: &mut Sink) {
    const LINTS: &[fn(&Subject<'_>, &mut Sink)] = &[
        network::open_socket,
        network::open_listen,
        network::same_listen,
        requests::control_timeout,
        requests::terminate_timeout,
        requests::all_extensions,
        requests::path_is_script,
        requests::empty_ping_path,
        arrays::first_wins,
        misread::misread_values,
        logs::writable_logs,
        memory::overcommit,
    ];
    for lint in LINTS {
        lint(subject, sink);
    }
}

impl Subject<'_> {
    /// Pools with their sections.
    fn pools(&self) -> impl Iterator<Item = (&Pool, &Section)> {
        let sections = self
            .draft
            .pools
            .iter()
            .filter(|pool| pool.status_of.is_none());
        self.pools.iter().zip(sections)
    }

    /// Reports a finding about `section`, unless it is about something that
    /// is missing where a statement was refused: it may be just that one.
    fn report(&self, section: &Section, found: Diagnostic, sink: &mut Sink) {
        if !section.tainted || found.span != section.header {
            sink.report(found);
        }
    }
}

fn finding(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(code, Stage::Lint, span, message)
}
