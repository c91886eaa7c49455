//! Reading what a worker writes, within its budget.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::time::sleep_until;

use super::keeper::Keeper;
use super::lines::{CHUNK, Lines};
use super::pipes::Pipe;
use super::slot::Fate;
use super::{Shared, now};
use crate::process::Process;
use crate::{OutputSource, WorkerId};

/// Reads in a row, before others have their turn.
const READS: usize = 16;

/// What a worker wrote before it was ready.
#[derive(Default)]
pub(super) struct Start {
    pub(super) last_line: Option<Bytes>,
    pub(super) fatal: Option<Bytes>,
}

impl Keeper {
    /// Reads what may be read now.
    pub(super) fn poll_output(&mut self, cx: &mut Context<'_>) {
        let mut chunk = [0; CHUNK];
        for _ in 0..READS {
            match self.pipes.poll_read(cx, &mut chunk) {
                (Poll::Ready((index, count)), _) => self.take(index, &chunk[..count]),
                (Poll::Pending, all) => {
                    if all {
                        self.fate.meter().caught_up();
                    }
                    return self.poll_report(cx);
                }
            }
        }
        // The others' turn.
        cx.waker().wake_by_ref();
    }

    /// Logs what came, nothing being the end of it.
    fn take(&mut self, index: usize, bytes: &[u8]) {
        let Some(pipe) = self.pipes.all.get_mut(index) else {
            return;
        };
        let at = now();
        let pause = self.fate.meter().read(at, bytes.len());
        let logs = Logs {
            shared: &self.shared,
            worker: (self.worker, &*self.process),
            fate: &self.fate,
            line_bytes: self.line_bytes,
        };
        let runs = logs.take(pipe, bytes, self.start.as_mut());
        if let Some(pause) = pause {
            self.pipes.pause(pause);
            let flooded = self.fate.meter().is_flooded(at);
            if flooded && !runs && self.start.is_none() {
                // Asked again only if it goes on for as long once more.
                self.fate.meter().caught_up();
                self.shared.runtime.spawn(self.shared.calm(&self.process));
            }
        }
    }

    /// Sees to it that dropped lines are told of though no more come.
    fn poll_report(&mut self, cx: &mut Context<'_>) {
        let due = self.fate.meter().report_at();
        let Some(due) = due else {
            self.report = None;
            return;
        };
        let sleep = (self.report).get_or_insert_with(|| Box::pin(sleep_until(due.into())));
        if sleep.deadline() != due.into() {
            sleep.as_mut().reset(due.into());
        }
        if sleep.as_mut().poll(cx).is_ready() {
            self.report = None;
            self.tell(false);
        }
    }

    /// Says how many lines were dropped; `end`: now or never.
    pub(super) fn tell(&self, end: bool) {
        if let Some(lines) = Lines::report(&self.fate, end) {
            let origin = (self.worker, self.process.id());
            self.shared
                .process_lines(origin, OutputSource::Stderr, &lines);
        }
    }

    /// Reads what has been written by now; `end`: and nothing more comes.
    pub(super) fn drain(&mut self, end: bool) {
        let logs = Logs {
            shared: &self.shared,
            worker: (self.worker, &*self.process),
            fate: &self.fate,
            line_bytes: self.line_bytes,
        };
        let start = &mut self.start;
        self.pipes.written(|pipe, bytes| {
            logs.take(pipe, bytes, start.as_mut());
        });
        if end {
            for pipe in &mut self.pipes.all {
                logs.take(pipe, &[], self.start.as_mut());
            }
        }
    }
}

/// Where lines go.
struct Logs<'a> {
    shared: &'a Shared,
    worker: (WorkerId, &'a dyn Process),
    fate: &'a Fate,
    line_bytes: usize,
}

impl Logs<'_> {
    /// Logs the lines that end in `bytes`, of which nothing is the end of
    /// all; whether a request runs.
    fn take(&self, pipe: &mut Pipe, bytes: &[u8], start: Option<&mut Start>) -> bool {
        let (worker, process) = self.worker;
        pipe.lines.push(bytes);
        let end = bytes.is_empty();
        let lines = match start {
            None => pipe.lines.within(self.fate, self.line_bytes, end, None),
            Some(start) => {
                let mut look = |line: &Bytes| {
                    if start.fatal.is_none() && process.is_fatal_at_start(line) {
                        start.fatal = Some(line.clone());
                    }
                    start.last_line = Some(line.clone());
                };
                pipe.lines
                    .within(self.fate, self.line_bytes, end, Some(&mut look))
            }
        };
        let origin = (worker, process.id());
        self.shared.process_lines(origin, pipe.source, &lines)
    }
}

impl Shared {
    /// Ends what a worker's scripts left running, which writes without end.
    pub(super) fn calm(
        self: &Arc<Self>,
        process: &Arc<dyn Process>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (pool, process) = (Arc::clone(&self.name), Arc::clone(process));
        async move {
            let pid = process.id();
            tracing::warn!(
                pool = &*pool,
                pid,
                "what a script left running writes without end; it is killed"
            );
            process.end_others().await;
        }
    }
}
