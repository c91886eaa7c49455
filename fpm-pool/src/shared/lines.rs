//! Lines that workers write, on their way to the log.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use bytes::{Buf, Bytes, BytesMut};

use super::meter::Meter;
use super::slot::Fate;
use super::{Generation, Shared, now};
use crate::request::find_param;
use crate::text::Printable;
use crate::{Output, OutputSource, WorkerId};

/// As much as is read at once.
pub(super) const CHUNK: usize = 8 << 10;

/// Cuts bytes into lines, and lines that are too long into pieces.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    held: BytesMut,
}

impl Splitter {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    pub(super) fn next(&mut self, limit: usize) -> Option<Bytes> {
        let window = &self.held[..self.held.len().min(limit)];
        if let Some(end) = window.iter().position(|&byte| byte == b'\n') {
            let mut line = self.held.split_to(end);
            self.held.advance(1);
            if line.last() == Some(&b'\r') {
                line.truncate(line.len() - 1);
            }
            return Some(line.freeze());
        }
        (self.held.len() >= limit).then(|| self.held.split_to(limit).freeze())
    }

    /// Leaves out what [`next`](Self::next) would return; how many those are,
    /// or fewer if there are long ones.
    pub(super) fn skip(&mut self, limit: usize) -> u64 {
        let ends = self.held.iter().filter(|&&byte| byte == b'\n').count();
        if let Some(last) = self.held.iter().rposition(|&byte| byte == b'\n') {
            self.held.advance(last + 1);
        }
        let mut skipped = u64::try_from(ends).unwrap_or(u64::MAX);
        if self.held.len() >= limit {
            self.held.clear();
            skipped = skipped.saturating_add(1);
        }
        skipped
    }

    /// What is left without an end.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        (!self.held.is_empty()).then(|| self.held.split().freeze())
    }

    /// Takes out the lines that the budget allows, and counts the others;
    /// `end`: nothing more comes. All are shown to `look`.
    pub(super) fn within(
        &mut self,
        fate: &Fate,
        limit: usize,
        end: bool,
        mut look: Option<&mut dyn FnMut(&Bytes)>,
    ) -> Lines {
        let (now, limit) = (now(), limit.max(1));
        let mut meter = fate.meter();
        let mut lines = Lines::default();
        loop {
            let line = self.next(limit);
            let Some(line) = line.or_else(|| if end { self.rest() } else { None }) else {
                break;
            };
            if let Some(look) = &mut look {
                look(&line);
            }
            if meter.line(now) {
                lines.logged.push(line);
            } else {
                let more = if look.is_none() { self.skip(limit) } else { 0 };
                lines.dropped += 1 + more;
            }
        }
        meter.drop_lines(now, lines.dropped);
        lines.report = meter.report(now);
        lines
    }
}

/// What came of some bytes.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) logged: Vec<Bytes>,
    dropped: u64,
    /// Lines that were dropped until now and have to be told of.
    report: Option<u64>,
}

/// The STDERR of one request, line by line.
pub(crate) struct RequestLines {
    lines: Splitter,
}

impl RequestLines {
    pub(crate) fn new() -> Self {
        Self {
            lines: Splitter::default(),
        }
    }
}

impl Shared {
    /// Logs what a request wrote to its STDERR; `end`: nothing more comes.
    pub(crate) fn request_stderr(
        &self,
        lines: &mut RequestLines,
        bytes: &[u8],
        end: bool,
        (origin, fate): (&Origin<'_>, &Fate),
    ) {
        lines.lines.push(bytes);
        let limit = origin.generation.limits.line_bytes;
        let within = lines.lines.within(fate, limit, end, None);
        self.log(origin, OutputSource::RequestStderr, &within);
    }

    /// Logs lines of a worker's process; whether it runs a request.
    pub(super) fn process_lines(
        &self,
        (worker, process_id): (WorkerId, u32),
        source: OutputSource,
        lines: &Lines,
    ) -> bool {
        // Once for all of them.
        let (generation, request) = {
            let inner = self.lock();
            match inner.slots.get(&worker) {
                Some(slot) => (Arc::clone(&slot.generation), slot.request.clone()),
                None => (Arc::clone(&inner.newest), None),
            }
        };
        let origin = Origin {
            worker,
            process_id,
            generation: &generation,
            request: request.as_deref(),
        };
        self.log(&origin, source, lines);
        request.is_some()
    }

    fn log(&self, origin: &Origin<'_>, source: OutputSource, lines: &Lines) {
        for line in &lines.logged {
            self.line(origin, source, line);
        }
        if let Some(dropped) = lines.report {
            let line = format!("({dropped} more lines than are logged)");
            self.line(origin, source, line.as_bytes());
        }
        let logged = u64::try_from(lines.logged.len()).unwrap_or(u64::MAX);
        let [all, dropped] = &self.output_lines;
        all.fetch_add(logged + lines.dropped, Ordering::Relaxed);
        dropped.fetch_add(lines.dropped, Ordering::Relaxed);
    }

    fn line(&self, origin: &Origin<'_>, source: OutputSource, line: &[u8]) {
        let param = |name: &[u8]| origin.request.and_then(|records| find_param(records, name));
        let script = param(b"SCRIPT_FILENAME");
        let output = Output {
            pool: &self.name,
            worker: origin.worker,
            process_id: origin.process_id,
            source,
            script,
            uri: param(b"REQUEST_URI"),
            line,
        };
        if let Some(sink) = &origin.generation.output {
            sink(&output);
        }
        tracing::warn!(
            target: "fpm_pool::output",
            pool = &*self.name,
            pid = origin.process_id,
            source = ?source,
            script = script.map(|script| tracing::field::display(Printable(script))),
            "{}",
            Printable(line),
        );
    }
}

impl Lines {
    /// Only the word of those that were dropped, if it is due; `end`: now or
    /// never.
    pub(super) fn report(fate: &Fate, end: bool) -> Option<Self> {
        let mut meter = fate.meter();
        let report = if end {
            meter.last_report()
        } else {
            meter.report(now())
        };
        report.map(|_| Self {
            report,
            ..Self::default()
        })
    }
}

impl Fate {
    pub(super) fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who wrote a line.
pub(crate) struct Origin<'a> {
    pub(crate) worker: WorkerId,
    pub(crate) process_id: u32,
    pub(crate) generation: &'a Generation,
    pub(crate) request: Option<&'a [u8]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_long_ones_in_pieces() {
        let mut lines = Splitter::default();
        lines.push(b"one\r\ntw");
        assert_eq!(lines.next(8).unwrap(), "one");
        assert_eq!(lines.next(8), None);
        lines.push(b"o\n0123456789\nx");
        assert_eq!(lines.next(8).unwrap(), "two");
        assert_eq!(lines.next(8).unwrap(), "01234567");
        assert_eq!(lines.next(8).unwrap(), "89");
        assert_eq!(lines.next(8), None);
        assert_eq!(lines.rest().unwrap(), "x");
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn a_line_that_comes_in_two_reads_is_one() {
        let fate = Fate::new(&crate::PoolLimits::default());
        let mut lines = Splitter::default();
        let mut take = |bytes: &[u8], end| {
            lines.push(bytes);
            lines.within(&fate, 100, end, None).logged
        };
        assert_eq!(take(b"one\ntw", false), ["one"]);
        assert_eq!(take(b"o\nthree", false), ["two"]);
        assert_eq!(take(b"", true), ["three"]);
    }

    #[test]
    fn skipped_lines_are_counted_and_nothing_of_them_is_held() {
        let mut lines = Splitter::default();
        lines.push(b"one\ntwo\nth");
        assert_eq!(lines.skip(8), 2);
        lines.push(b"ree\n");
        assert_eq!(lines.next(8).unwrap(), "three");
        lines.push(&[b'x'; 100]);
        assert_eq!((lines.skip(8), lines.rest()), (1, None));
    }
}
