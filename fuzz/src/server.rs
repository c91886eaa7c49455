//! The application's side of a connection.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes, BytesMut};
use fastcgi_proto::server::{Config, Connection, Event, PeerClose, RoleSet};
use fastcgi_proto::{ProtocolError, ProtocolStatus, RecordType, RequestId};

use crate::pieces::pieces;
use crate::wire::Wire;

/// Any cut of the input gives the same events and the same answer; every
/// request that was handed out is ended once; bounds are kept.
pub fn server(data: &[u8]) {
    let Some((&mode, data)) = data.split_first() else {
        return;
    };
    let (wire, cut) = pieces(data);
    let whole = App::new(mode).run(&[wire]);
    assert_eq!(App::new(mode).run(&cut), whole, "cut");
}

/// Events with joined content, what was written, and how it ended.
type Run = (Vec<(String, Vec<u8>)>, Vec<u8>, Option<ProtocolError>);

/// An application that answers when the input is complete, or at once, or
/// never before the peer leaves.
struct App {
    connection: Connection,
    at_once: bool,
    rejects: bool,
    close: PeerClose,
    events: Vec<(String, Vec<u8>)>,
    written: Wire,
    /// How often each request was ended.
    ends: BTreeMap<u16, usize>,
    requests: BTreeMap<u16, usize>,
}

impl App {
    fn new(mode: u8) -> Self {
        let mut config = Config::default();
        config.multiplex = mode & 1 == 0;
        if mode & 2 == 0 {
            config.roles = RoleSet::ALL;
        }
        if mode & 4 != 0 {
            config.limits.params_bytes = 64;
            config.limits.params_pairs = 2;
            config.limits.requests = 2;
            config.limits.half_open_requests = 1;
            config.limits.management_bytes = 32;
        }
        Self {
            connection: Connection::new(config),
            at_once: mode & 8 != 0,
            rejects: mode & 16 != 0,
            close: match mode & 96 {
                32 => PeerClose::Unknown,
                64 => PeerClose::Full,
                _ => PeerClose::Half,
            },
            events: Vec::new(),
            written: Wire::default(),
            ends: BTreeMap::new(),
            requests: BTreeMap::new(),
        }
    }

    fn run(mut self, pieces: &[&[u8]]) -> Run {
        let mut input = BytesMut::new();
        for piece in pieces {
            input.extend_from_slice(piece);
            loop {
                match self.connection.handle_input(&mut input) {
                    Ok(Some(event)) => self.event(event),
                    Ok(None) => break,
                    Err(error) => {
                        assert_eq!(self.connection.handle_input(&mut input), Err(error));
                        assert!(!self.connection.wants_write() && !self.connection.wants_read());
                        return (self.events, Vec::new(), Some(error));
                    }
                }
            }
        }
        while let Some(event) = self.connection.handle_eof(self.close) {
            self.event(event);
        }
        if self.close == PeerClose::Full {
            assert!(!self.connection.wants_write(), "nobody reads it");
            return (self.events, Vec::new(), None);
        }
        // A peer that left has aborted whatever was active.
        let goes_on = self.close == PeerClose::Half;
        assert!(goes_on || self.connection.active() == 0);
        while self.connection.wants_write() {
            let mut outgoing = self.connection.outgoing();
            let len = outgoing.chunk().len();
            self.written.add(outgoing.chunk());
            outgoing.advance(len);
        }
        self.check();
        (self.events, self.written.as_bytes().to_vec(), None)
    }

    fn event(&mut self, event: Event) {
        let (key, content) = match event {
            Event::Request {
                request, params, ..
            } => {
                *self.requests.entry(request.get()).or_default() += 1;
                if self.at_once {
                    self.answer(request);
                }
                (format!("request {request:?}"), params.as_encoded().clone())
            }
            Event::Stdin { request, content } => {
                self.connection.consumed(request, content.len());
                (format!("stdin {request:?}"), content)
            }
            Event::Data { request, content } => {
                self.connection.consumed(request, content.len());
                (format!("data {request:?}"), content)
            }
            Event::Abort { request } => {
                self.answer(request);
                (format!("abort {request:?}"), Bytes::new())
            }
            Event::StdinEnd { request, check } => {
                if self.close == PeerClose::Half {
                    self.answer(request);
                }
                (format!("stdin end {request:?} {check:?}"), Bytes::new())
            }
            other => (format!("{other:?}"), Bytes::new()),
        };
        match self.events.last_mut() {
            Some((last, all)) if *last == key && !content.is_empty() => {
                all.extend_from_slice(&content);
            }
            _ => self.events.push((key, content.to_vec())),
        }
    }

    /// Ends a request, unless that was done before.
    fn answer(&mut self, request: RequestId) {
        let ended = if self.rejects {
            self.connection.reject(request, ProtocolStatus::OVERLOADED)
        } else {
            let answer = Bytes::from_static(b"Status: 200\r\n\r\nbody");
            let _ = self.connection.stdout(request, answer);
            let _ = self.connection.stderr(request, Bytes::from_static(b"note"));
            self.connection.end(request, 7)
        };
        if ended.is_ok() {
            *self.ends.entry(request.get()).or_default() += 1;
        }
    }

    fn check(&self) {
        self.written.check();
        let mut ends: BTreeMap<u16, usize> = BTreeMap::new();
        for (header, content) in self.written.records() {
            match header.record_type {
                RecordType::END_REQUEST => {
                    assert_eq!(content.len(), 8);
                    *ends.entry(header.request_id).or_default() += 1;
                }
                RecordType::STDOUT | RecordType::STDERR => assert_ne!(header.request_id, 0),
                RecordType::GET_VALUES_RESULT | RecordType::UNKNOWN_TYPE => {
                    assert_eq!(header.request_id, 0);
                }
                other => panic!("an application wrote {other}"),
            }
        }
        for (id, count) in &self.ends {
            assert!(
                ends.get(id).is_some_and(|written| written >= count),
                "end of {id}"
            );
            let handed_out = self.requests.get(id).copied().unwrap_or_default();
            assert!(handed_out >= *count, "{id} ended more often than begun");
        }
    }
}
