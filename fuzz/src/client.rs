//! The web server's side of a connection.

use bytes::{Buf, Bytes, BytesMut};
use fastcgi_proto::client::{
    BodyLen, Config, Connection, Event, Mode, RequestHead, RequestHeadBuilder,
};
use fastcgi_proto::{Params, ProtocolError, RequestId, Role};

use crate::pieces::pieces;
use crate::wire::Wire;

/// An even first byte: an answer in any pieces gives the same events. An odd
/// one: any order of calls and input keeps every promise about what is
/// written.
pub fn client(data: &[u8]) {
    let Some((&mode, data)) = data.split_first() else {
        return;
    };
    if mode % 2 == 0 {
        let (answer, cut) = pieces(data);
        assert_eq!(events(&cut), events(&[answer]), "cut");
    } else {
        Script::new(mode, data).run();
    }
}

/// The events of an answer to one request, content joined, and how it ended.
fn events(pieces: &[&[u8]]) -> (Vec<(String, Vec<u8>)>, Option<ProtocolError>) {
    let mut connection = Connection::new(Config::default());
    let begun = connection.begin(Role::RESPONDER, &params(None), BodyLen::Empty);
    let request = begun.expect("the first request is accepted");
    let mut joined: Vec<(String, Vec<u8>)> = Vec::new();
    let mut input = BytesMut::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match connection.handle_input(&mut input) {
                Ok(Some(event)) => add(&mut joined, event, request),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(connection.handle_input(&mut BytesMut::new()), Err(error));
                    assert!(!connection.wants_read());
                    return (joined, Some(error));
                }
            }
        }
    }
    loop {
        match connection.handle_eof() {
            Ok(Some(event)) => add(&mut joined, event, request),
            Ok(None) => return (joined, None),
            Err(error) => return (joined, Some(error)),
        }
    }
}

fn add(joined: &mut Vec<(String, Vec<u8>)>, event: Event, only: RequestId) {
    // A skipped record is reported for each piece of it that is read.
    let repeats = matches!(event, Event::Ignored { .. });
    let (key, content) = match event {
        Event::Stdout { request, content } => (format!("stdout {request:?}"), content),
        Event::Stderr { request, content } => (format!("stderr {request:?}"), content),
        other => (format!("{other:?}"), Bytes::new()),
    };
    assert!(!key.contains("RequestId") || key.contains(&format!("{only:?}")));
    match joined.last_mut() {
        Some((last, all)) if *last == key && (repeats || !content.is_empty()) => {
            all.extend_from_slice(&content);
        }
        _ => joined.push((key, content.to_vec())),
    }
}

fn params(length: Option<u64>) -> Params {
    let length = length.map(|length| length.to_string());
    let pairs = [
        ("REQUEST_METHOD", "POST"),
        ("SCRIPT_FILENAME", "/srv/a.php"),
    ]
    .into_iter()
    .chain(length.as_deref().map(|length| ("CONTENT_LENGTH", length)));
    Params::from_pairs(pairs).expect("no NUL")
}

fn head(role: Role, length: Option<u64>) -> RequestHead {
    let mut head = RequestHeadBuilder::new(role);
    let mut encoder = head.params();
    for (name, value) in params(length).iter() {
        encoder.push(name, value).expect("a usual pair");
    }
    encoder.finish().expect("no NUL");
    head.build().expect("it is finished")
}

/// Calls in the order of the input's bytes.
struct Script<'d> {
    connection: Connection,
    data: &'d [u8],
    input: BytesMut,
    /// Requests that were begun and have not ended.
    active: Vec<RequestId>,
    written: Wire,
}

impl<'d> Script<'d> {
    fn new(mode: u8, data: &'d [u8]) -> Self {
        let mut config = Config::default();
        config.mode = match mode >> 1 & 3 {
            0 => Mode::Exclusive,
            1 => Mode::Negotiated { max: 3 },
            _ => Mode::Multiplexed { max: 3 },
        };
        config.keep_conn = mode & 8 == 0;
        config.unknown_length = mode & 16 != 0;
        config.max_content = if mode & 32 == 0 { 65528 } else { 100 };
        config.pad = mode & 64 == 0;
        Self {
            connection: Connection::new(config),
            data,
            input: BytesMut::new(),
            active: Vec::new(),
            written: Wire::default(),
        }
    }

    fn run(mut self) {
        while let Some((&call, rest)) = self.data.split_first() {
            self.data = rest;
            let Ok(()) = self.call(call) else {
                break;
            };
        }
        while self.connection.wants_write() {
            self.write(usize::MAX);
        }
        self.written.check();
    }

    fn call(&mut self, call: u8) -> Result<(), ProtocolError> {
        let argument = usize::from(call >> 3);
        let request = self.active.get(argument % 4).copied();
        match (call & 7, request) {
            (0, _) => self.begin(argument),
            (1, Some(request)) => {
                let _ = self
                    .connection
                    .send(request, Bytes::from(vec![b'b'; argument]));
            }
            (2, Some(request)) => {
                let _ = self.connection.finish(request);
            }
            (3, Some(request)) => {
                let _ = self.connection.abort(request);
            }
            (4, _) => self.write(argument * 5),
            (5 | 6, _) => return self.read(argument * 4),
            (7, _) if argument % 8 == 7 => {
                while let Some(event) = self.connection.handle_eof()? {
                    self.event(event);
                }
            }
            (7, Some(request)) if argument % 8 == 6 => {
                let was_complete = self.connection.is_input_complete(request);
                if self.connection.recall(request).is_some() {
                    assert!(!was_complete && !self.connection.wants_write());
                    self.active.retain(|active| *active != request);
                }
            }
            (7, Some(request)) => {
                let _ = self
                    .connection
                    .send_data(request, Bytes::from(vec![b'd'; argument]));
                let _ = self.connection.finish_data(request);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, argument: usize) {
        let role = [
            Role::RESPONDER,
            Role::RESPONDER,
            Role::AUTHORIZER,
            Role::FILTER,
        ][argument % 4];
        let (body, length) = match argument / 4 {
            0 => (BodyLen::Empty, None),
            1 => (BodyLen::Unknown, None),
            length => (BodyLen::Exact(length as u64), Some(length as u64)),
        };
        // Prepared heads and copied params take turns.
        let begun = if self.data.len().is_multiple_of(2) {
            self.connection.begin(role, &params(length), body)
        } else {
            self.connection.begin_head(&head(role, length), body)
        };
        if let Ok(request) = begun {
            assert!(!self.active.contains(&request), "{request:?} is taken");
            self.active.push(request);
        }
    }

    fn write(&mut self, most: usize) {
        let mut outgoing = self.connection.outgoing();
        let chunk = outgoing.chunk();
        let len = chunk.len().min(most);
        self.written.add(&chunk[..len]);
        outgoing.advance(len);
    }

    fn read(&mut self, most: usize) -> Result<(), ProtocolError> {
        let (piece, rest) = self.data.split_at(most.min(self.data.len()));
        self.data = rest;
        self.input.extend_from_slice(piece);
        while let Some(event) = self.connection.handle_input(&mut self.input)? {
            self.event(event);
        }
        Ok(())
    }

    fn event(&mut self, event: Event) {
        let request = match event {
            Event::Stdout { request, content } | Event::Stderr { request, content } => {
                assert!(!content.is_empty());
                request
            }
            Event::StdoutEnd { request } | Event::StderrEnd { request } => request,
            Event::End { request, .. } => {
                let at = self.active.iter().position(|active| *active == request);
                self.active
                    .swap_remove(at.expect("the end of an active request"));
                return;
            }
            _ => return,
        };
        assert!(self.active.contains(&request), "{request:?} has ended");
    }
}
