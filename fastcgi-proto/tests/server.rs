//! The application's side, without I/O.

mod support;

use bytes::{Bytes, BytesMut};
use fastcgi_proto::server::{
    Config, Connection, Disposition, Event, InactiveRequest, LengthCheck, PeerClose, RoleSet,
};
use fastcgi_proto::{
    PairError, Params, ProtocolError, ProtocolStatus, RecordType, RequestId, Role,
};
use support::{
    ABORT, DATA, END, GET_VALUES, GET_VALUES_RESULT, PARAMS, STDERR, STDIN, STDOUT, Seen,
    UNKNOWN_TYPE, begin, drain, end, pairs, read_records, record,
};

fn with(change: impl FnOnce(&mut Config)) -> Connection {
    let mut config = Config::default();
    change(&mut config);
    Connection::new(config)
}

#[track_caller]
fn events(connection: &mut Connection, wire: &[u8]) -> Vec<Event> {
    let mut input = BytesMut::from(wire);
    let mut events = Vec::new();
    while let Some(event) = connection.handle_input(&mut input).expect("valid input") {
        events.push(event);
    }
    assert!(input.is_empty(), "all input is used");
    events
}

#[track_caller]
fn failure(connection: &mut Connection, wire: &[u8]) -> ProtocolError {
    let mut input = BytesMut::from(wire);
    loop {
        match connection.handle_input(&mut input) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error"),
            Err(error) => return error,
        }
    }
}

/// A request up to the end of its params.
fn head(id: u16, role: u16, flags: u8, content: &[(&[u8], &[u8])]) -> Vec<u8> {
    [
        begin(id, role, flags),
        record(PARAMS, id, &pairs(content)),
        record(PARAMS, id, b""),
    ]
    .concat()
}

#[track_caller]
fn started(connection: &mut Connection, wire: &[u8]) -> RequestId {
    match &events(connection, wire)[..] {
        [Event::Request { request, .. }] => *request,
        other => panic!("no request alone: {other:?}"),
    }
}

fn sent(connection: &mut Connection) -> Vec<Seen> {
    read_records(&drain(connection.outgoing()))
}

fn shapes(records: &[Seen]) -> Vec<(u8, u16, &[u8])> {
    records
        .iter()
        .map(|record| (record.record_type, record.id, &record.content[..]))
        .collect()
}

#[test]
fn request_body_and_answer() {
    let mut connection = with(|_| ());
    let wire = [
        head(3, 1, 1, &[(b"CONTENT_LENGTH", b"5"), (b"A", b"b")]),
        record(STDIN, 3, b"he"),
        record(STDIN, 3, b"llo"),
        record(STDIN, 3, b""),
    ]
    .concat();
    let seen = events(&mut connection, &wire);
    let Event::Request {
        request,
        role,
        params,
        keep_conn,
    } = &seen[0]
    else {
        panic!("{seen:?}")
    };
    let request = *request;
    assert_eq!(
        (*role, *keep_conn, request.get()),
        (Role::RESPONDER, true, 3)
    );
    assert_eq!(
        params,
        &Params::from_pairs([("CONTENT_LENGTH", "5"), ("A", "b")]).unwrap()
    );
    assert_eq!(
        seen[1..],
        [
            Event::Stdin {
                request,
                content: Bytes::from_static(b"he")
            },
            Event::Stdin {
                request,
                content: Bytes::from_static(b"llo")
            },
            Event::StdinEnd {
                request,
                check: LengthCheck::Exact
            },
        ]
    );
    connection
        .stdout(request, Bytes::from_static(b"out"))
        .unwrap();
    connection.end(request, 9).unwrap();
    assert_eq!(connection.end(request, 9), Err(InactiveRequest));
    assert_eq!(
        shapes(&sent(&mut connection)),
        [
            (STDOUT, 3, &b"out"[..]),
            (STDOUT, 3, b""),
            (END, 3, &[0, 0, 0, 9, 0, 0, 0, 0]),
        ]
    );
    assert_eq!(connection.disposition(), Disposition::KeepOpen);
}

#[test]
fn stderr_is_ended_only_where_it_was_used() {
    let mut connection = with(|_| ());
    let request = started(&mut connection, &head(1, 1, 1, &[]));
    connection.stderr(request, Bytes::new()).unwrap();
    connection
        .stderr(request, Bytes::from_static(b"!"))
        .unwrap();
    connection.end(request, 0).unwrap();
    assert_eq!(
        shapes(&sent(&mut connection))[..3],
        [(STDERR, 1, &b"!"[..]), (STDERR, 1, b""), (STDOUT, 1, b"")]
    );
}

#[test]
fn pair_may_be_split_over_records() {
    // Appendix B, example 2 of the specification.
    let mut connection = with(|_| ());
    let content = pairs(&[(b"SERVER_PORT", b"80"), (b"SERVER_ADDR", b"199.170.183.42")]);
    for cut in 0..=content.len() {
        let (first, second) = content.split_at(cut);
        let mut wire = begin(1, 1, 1);
        for part in [first, second].into_iter().filter(|part| !part.is_empty()) {
            wire.extend(record(PARAMS, 1, part));
        }
        wire.extend(record(PARAMS, 1, b""));
        let request = started(&mut connection, &wire);
        connection.end(request, 0).unwrap();
    }
}

#[test]
fn body_is_compared_with_its_declared_length() {
    for (declared, body, delivered, check) in [
        (&b"3"[..], &b"abc"[..], &b"abc"[..], LengthCheck::Exact),
        (b"3", b"abcde", b"abc", LengthCheck::Excess { by: 2 }),
        (b"3", b"a", b"a", LengthCheck::Short { missing: 2 }),
        (b"", b"abc", b"abc", LengthCheck::Undeclared),
        (b"-1", b"abc", b"abc", LengthCheck::Undeclared),
    ] {
        let mut connection = with(|_| ());
        let request = started(
            &mut connection,
            &head(1, 1, 1, &[(b"CONTENT_LENGTH", declared)]),
        );
        let wire = [record(STDIN, 1, body), record(STDIN, 1, b"")].concat();
        assert_eq!(
            events(&mut connection, &wire),
            [
                Event::Stdin {
                    request,
                    content: Bytes::copy_from_slice(delivered)
                },
                Event::StdinEnd { request, check },
            ]
        );
    }
}

#[test]
fn second_end_of_stdin_is_no_news() {
    let mut connection = with(|_| ());
    let request = started(&mut connection, &head(1, 1, 1, &[]));
    let twice = record(STDIN, 1, b"").repeat(2);
    assert_eq!(events(&mut connection, &twice).len(), 1);
    connection.end(request, 0).unwrap();
    assert_eq!(events(&mut connection, &record(STDIN, 1, b"")), []);
}

#[test]
fn records_of_inactive_requests_are_ignored() {
    let mut connection = with(|_| ());
    let wire = [
        record(STDIN, 9, b"who?"),
        record(PARAMS, 9, b"garbage"),
        record(ABORT, 9, b""),
        record(DATA, 9, b""),
    ]
    .concat();
    assert_eq!(events(&mut connection, &wire), []);
    assert!(!connection.wants_write());
    started(&mut connection, &head(1, 1, 1, &[]));
}

#[test]
fn management_is_answered_at_any_time() {
    let mut connection = with(|config| config.max_conns = Some(8));
    let names = pairs(&[
        (b"FCGI_MPXS_CONNS", b""),
        (b"FCGI_MAX_CONNS", b""),
        (b"FCGI_MAX_REQS", b""),
        (b"SOMETHING", b""),
    ]);
    let expected = pairs(&[(b"FCGI_MAX_CONNS", b"8"), (b"FCGI_MPXS_CONNS", b"1")]);
    events(&mut connection, &record(GET_VALUES, 0, &names));
    assert_eq!(
        shapes(&sent(&mut connection)),
        [(GET_VALUES_RESULT, 0, &expected[..])]
    );
    // In the middle of a request.
    events(&mut connection, &begin(1, 1, 1));
    events(&mut connection, &record(GET_VALUES, 0, b""));
    assert_eq!(
        shapes(&sent(&mut connection)),
        [(GET_VALUES_RESULT, 0, &b""[..])]
    );
}

#[test]
fn unknown_management_type_is_told_with_id_0_and_other_unknown_records_are_not() {
    let mut connection = with(|_| ());
    events(&mut connection, &record(42, 7, b"for a request"));
    assert!(!connection.wants_write());
    events(&mut connection, &record(42, 0, b"for management"));
    assert_eq!(
        shapes(&sent(&mut connection)),
        [(UNKNOWN_TYPE, 0, &[42, 0, 0, 0, 0, 0, 0, 0][..])]
    );
}

#[test]
fn refusals_have_their_protocol_status() {
    let refused = |change: fn(&mut Config), wire: Vec<u8>| {
        let mut connection = with(change);
        events(&mut connection, &wire);
        sent(&mut connection)
    };
    let status = |id, status| read_records(&end(id, 0, status));
    assert_eq!(refused(|_| (), begin(1, 9, 1)), status(1, 3));
    assert_eq!(refused(|_| (), begin(1, 2, 1)), status(1, 3));
    let two = [begin(1, 1, 1), begin(2, 1, 1)].concat();
    assert_eq!(
        refused(|config| config.multiplex = false, two.clone()),
        status(2, 1)
    );
    assert_eq!(
        refused(|config| config.limits.half_open_requests = 1, two.clone()),
        status(2, 2)
    );
    assert_eq!(
        refused(|config| config.limits.requests = 1, two),
        status(2, 2)
    );
    let large = [begin(1, 1, 1), record(PARAMS, 1, &[b'x'; 101])].concat();
    assert_eq!(
        refused(|config| config.limits.params_bytes = 100, large),
        status(1, 2)
    );
    let many = head(1, 1, 1, &[(b"a", b""), (b"b", b""), (b"c", b"")]);
    assert_eq!(
        refused(|config| config.limits.params_pairs = 2, many),
        status(1, 2)
    );
}

#[test]
fn rest_of_a_refused_request_is_ignored() {
    let mut connection = with(|_| ());
    let wire = [
        begin(1, 9, 1),
        record(PARAMS, 1, b"\x01\x01ab"),
        record(PARAMS, 1, b""),
        record(STDIN, 1, b"body"),
        record(STDIN, 1, b""),
    ]
    .concat();
    assert_eq!(events(&mut connection, &wire), []);
    assert_eq!(sent(&mut connection).len(), 1);
}

#[test]
fn two_requests_at_once_do_not_mix() {
    let mut connection = with(|_| ());
    let first = started(&mut connection, &head(1, 1, 1, &[]));
    let second = started(&mut connection, &head(2, 1, 1, &[]));
    let wire = [record(STDIN, 2, b"two"), record(STDIN, 1, b"one")].concat();
    assert_eq!(
        events(&mut connection, &wire),
        [
            Event::Stdin {
                request: second,
                content: Bytes::from_static(b"two")
            },
            Event::Stdin {
                request: first,
                content: Bytes::from_static(b"one")
            },
        ]
    );
    connection.stdout(second, Bytes::from_static(b"2")).unwrap();
    connection.stdout(first, Bytes::from_static(b"1")).unwrap();
    assert_eq!(
        shapes(&sent(&mut connection)),
        [(STDOUT, 2, &b"2"[..]), (STDOUT, 1, b"1")]
    );
}

#[test]
fn id_may_be_used_again_after_its_end_but_not_before() {
    let mut connection = with(|_| ());
    let first = started(&mut connection, &head(1, 1, 1, &[]));
    connection.end(first, 0).unwrap();
    let second = started(&mut connection, &head(1, 1, 1, &[]));
    assert_ne!(first, second);
    assert_eq!(connection.stdout(first, Bytes::new()), Err(InactiveRequest));
    assert_eq!(
        failure(&mut connection, &begin(1, 1, 1)),
        ProtocolError::DuplicateBegin { request_id: 1 }
    );
    assert_eq!(connection.disposition(), Disposition::Close);
}

#[test]
fn abort_is_told_once_and_the_end_is_sent_once() {
    let mut connection = with(|_| ());
    let request = started(&mut connection, &head(1, 1, 1, &[]));
    let twice = record(ABORT, 1, b"").repeat(2);
    assert_eq!(events(&mut connection, &twice), [Event::Abort { request }]);
    assert!(!connection.wants_write());
    // What is left of the body is of no interest.
    let late = [record(STDIN, 1, b"x"), record(STDIN, 1, b"")].concat();
    assert_eq!(events(&mut connection, &late), []);
    connection.end(request, 1).unwrap();
    let records = sent(&mut connection);
    assert_eq!(records.iter().filter(|r| r.record_type == END).count(), 1);
}

#[test]
fn abort_before_the_params_are_complete_is_ended_inside() {
    let mut connection = with(|_| ());
    let wire = [begin(1, 1, 1), record(ABORT, 1, b"")].concat();
    assert_eq!(events(&mut connection, &wire), []);
    assert_eq!(sent(&mut connection), read_records(&end(1, 0, 0)));
    assert_eq!(connection.active(), 0);
}

#[test]
fn without_keep_conn_the_connection_closes_after_the_answer() {
    let mut connection = with(|config| config.limits.drain_bytes = 77);
    let request = started(&mut connection, &head(1, 1, 0, &[]));
    assert_eq!(connection.disposition(), Disposition::KeepOpen);
    connection.end(request, 0).unwrap();
    let drain_bytes = 77;
    assert_eq!(
        connection.disposition(),
        Disposition::CloseAfterFlush { drain_bytes }
    );
    // A refusal is an answer, too.
    let mut connection = with(|_| ());
    events(&mut connection, &begin(1, 9, 0));
    assert!(matches!(
        connection.disposition(),
        Disposition::CloseAfterFlush { .. }
    ));
}

#[test]
fn input_is_wanted_only_as_far_as_it_is_consumed() {
    let mut connection = with(|config| config.limits.unread_input = 4);
    let request = started(&mut connection, &head(1, 1, 1, &[]));
    assert!(connection.wants_read());
    events(&mut connection, &record(STDIN, 1, b"12345"));
    assert!(!connection.wants_read());
    connection.consumed(request, 2);
    assert!(connection.wants_read());
    events(&mut connection, &record(STDIN, 1, b"12345"));
    assert!(!connection.wants_read());
    // What an ended request left unread is not waited for.
    connection.end(request, 0).unwrap();
    assert!(connection.wants_read());
}

#[test]
fn answers_that_nobody_reads_stop_the_input() {
    let mut connection = with(|config| config.limits.queued_output = 1000);
    let question = record(GET_VALUES, 0, &pairs(&[(b"FCGI_MPXS_CONNS", b"")]));
    let mut asked = 0;
    while connection.wants_read() {
        events(&mut connection, &question);
        asked += 1;
        assert!(asked < 100, "never stopped");
    }
    drain(connection.outgoing());
    assert!(connection.wants_read());
}

#[test]
fn peer_that_leaves_aborts_what_it_had_not_sent() {
    let mut connection = with(|_| ());
    let half = started(
        &mut connection,
        &head(1, 1, 1, &[(b"CONTENT_LENGTH", b"9")]),
    );
    let whole = started(&mut connection, &head(2, 1, 1, &[]));
    events(
        &mut connection,
        &[record(STDIN, 2, b""), begin(3, 1, 1)].concat(),
    );
    assert_eq!(
        connection.handle_eof(PeerClose::Half),
        Some(Event::Abort { request: half })
    );
    assert_eq!(connection.handle_eof(PeerClose::Half), None);
    assert_eq!(connection.active(), 2);
    connection.end(half, 0).unwrap();
    // It closed its sending side alone.
    connection.stdout(whole, Bytes::from_static(b"x")).unwrap();
    connection.end(whole, 0).unwrap();
    let drain_bytes = 0;
    assert_eq!(
        connection.disposition(),
        Disposition::CloseAfterFlush { drain_bytes }
    );
    drain(connection.outgoing());
    assert_eq!(connection.disposition(), Disposition::Close);
}

/// A connection with `count` requests whose input is complete.
fn complete(count: u16, change: impl FnOnce(&mut Config)) -> (Connection, Vec<RequestId>) {
    let mut connection = with(change);
    let mut requests = Vec::new();
    for id in 1..=count {
        requests.push(started(&mut connection, &head(id, 1, 1, &[])));
        events(&mut connection, &record(STDIN, id, b""));
    }
    (connection, requests)
}

/// The requests that are aborted when the peer closes.
fn aborted(connection: &mut Connection, close: PeerClose) -> Vec<RequestId> {
    let mut all = Vec::new();
    while let Some(event) = connection.handle_eof(close) {
        let Event::Abort { request } = event else {
            panic!("{event:?}");
        };
        all.push(request);
    }
    all
}

#[test]
fn fin_after_whole_requests_aborts_them_unless_half_closing_is_allowed() {
    let (mut connection, requests) = complete(3, |_| ());
    assert_eq!(aborted(&mut connection, PeerClose::Unknown), requests);
    // Each is told once.
    assert_eq!(aborted(&mut connection, PeerClose::Full), []);

    let (mut connection, requests) = complete(3, |config| config.half_close = true);
    assert_eq!(aborted(&mut connection, PeerClose::Unknown), []);
    assert_eq!(aborted(&mut connection, PeerClose::Full), requests);
}

#[test]
fn fin_leaves_what_is_queued_to_be_written() {
    let (mut connection, requests) = complete(1, |_| ());
    let piece = Bytes::from_static(b"x");
    connection.stdout(requests[0], piece).unwrap();
    assert_eq!(aborted(&mut connection, PeerClose::Unknown), requests);
    connection.end(requests[0], 1).unwrap();
    let records = sent(&mut connection);
    assert_eq!(records[0].content, b"x");
    assert_eq!(records.last().map(|last| last.record_type), Some(END));
    assert_eq!(connection.disposition(), Disposition::Close);
}

#[test]
fn nothing_is_written_to_a_peer_that_is_gone() {
    let (mut connection, requests) = complete(2, |_| ());
    let piece = Bytes::from_static(b"x");
    connection.stdout(requests[0], piece.clone()).unwrap();
    assert_eq!(aborted(&mut connection, PeerClose::Full), requests);
    // Handlers that take no notice are drained all the same.
    connection.stdout(requests[1], piece.clone()).unwrap();
    connection.stderr(requests[1], piece).unwrap();
    assert_eq!(connection.disposition(), Disposition::KeepOpen);
    connection.end(requests[0], 1).unwrap();
    connection
        .reject(requests[1], ProtocolStatus::OVERLOADED)
        .unwrap();
    assert!(!connection.wants_write() && !connection.wants_read());
    assert_eq!(connection.disposition(), Disposition::Close);
}

#[test]
fn nothing_is_written_after_a_violation() {
    let (mut connection, requests) = complete(1, |_| ());
    failure(&mut connection, &begin(1, 1, 1));
    let piece = Bytes::from_static(b"x");
    connection.stdout(requests[0], piece).unwrap();
    connection.end(requests[0], 0).unwrap();
    assert!(!connection.wants_write());
}

#[test]
fn filter_gets_both_streams_and_authorizer_none() {
    let mut connection = with(|config| config.roles = RoleSet::ALL);
    let lengths: [(&[u8], &[u8]); 2] = [(b"CONTENT_LENGTH", b"1"), (b"FCGI_DATA_LENGTH", b"4")];
    let request = started(&mut connection, &head(1, 3, 1, &lengths));
    let wire = [
        record(STDIN, 1, b"i"),
        record(STDIN, 1, b""),
        record(DATA, 1, b"file"),
        record(DATA, 1, b""),
    ]
    .concat();
    assert_eq!(
        events(&mut connection, &wire),
        [
            Event::Stdin {
                request,
                content: Bytes::from_static(b"i")
            },
            Event::StdinEnd {
                request,
                check: LengthCheck::Exact
            },
            Event::Data {
                request,
                content: Bytes::from_static(b"file")
            },
            Event::DataEnd {
                request,
                check: LengthCheck::Exact
            },
        ]
    );
    started(&mut connection, &head(2, 2, 1, &[]));
    let wire = [
        record(STDIN, 2, b"?"),
        record(STDIN, 2, b""),
        record(DATA, 2, b"?"),
    ]
    .concat();
    assert_eq!(events(&mut connection, &wire), []);
}

#[test]
fn broken_requests_are_typed_errors() {
    let request_id = 1;
    let pair_error = |source| ProtocolError::Pairs {
        record_type: RecordType::PARAMS,
        source,
    };
    let stream_error = |record_type| ProtocolError::AfterStreamEnd {
        record_type,
        request_id,
    };
    let cases = [
        (
            [
                begin(1, 1, 1),
                record(PARAMS, 1, b"\x05\x05ab"),
                record(PARAMS, 1, b""),
            ]
            .concat(),
            pair_error(PairError::Content {
                at: 0,
                announced: 10,
                got: 2,
            }),
        ),
        (
            [begin(1, 1, 1), record(STDIN, 1, b"x")].concat(),
            ProtocolError::BeforeParamsEnd {
                record_type: RecordType::STDIN,
                request_id,
            },
        ),
        (
            [head(1, 1, 1, &[]), record(PARAMS, 1, b"\x01\x01ab")].concat(),
            stream_error(RecordType::PARAMS),
        ),
        (
            [
                head(1, 1, 1, &[]),
                record(STDIN, 1, b""),
                record(STDIN, 1, b"x"),
            ]
            .concat(),
            stream_error(RecordType::STDIN),
        ),
        (
            record(STDOUT, 1, b"x"),
            ProtocolError::WrongSide {
                record_type: RecordType::STDOUT,
            },
        ),
        (
            end(1, 0, 0),
            ProtocolError::WrongSide {
                record_type: RecordType::END_REQUEST,
            },
        ),
    ];
    for (wire, error) in cases {
        let mut connection = with(|_| ());
        assert_eq!(failure(&mut connection, &wire), error);
        assert_eq!(failure(&mut connection, b""), error, "it stays failed");
        assert_eq!(connection.disposition(), Disposition::Close);
        assert!(!connection.wants_read() && !connection.wants_write());
    }
}

#[test]
fn application_can_refuse_a_request() {
    let mut connection = with(|_| ());
    let request = started(&mut connection, &head(1, 1, 1, &[]));
    connection
        .reject(request, ProtocolStatus::OVERLOADED)
        .unwrap();
    assert_eq!(sent(&mut connection), read_records(&end(1, 0, 2)));
}
