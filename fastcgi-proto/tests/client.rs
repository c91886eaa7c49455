//! The web server's side, without I/O.

mod support;

use bytes::{Bytes, BytesMut};
use fastcgi_proto::client::{
    AbortAction, BeginError, BodyLen, CloseReason, Config, Connection, EndSource, Event,
    MissingEnd, Mode, RetryClass, Reuse, SendError, Short,
};
use fastcgi_proto::{
    PairSplit, ParamError, Params, ProtocolError, ProtocolStatus, RecordType, Role, ValueNames,
};
use support::*;

fn params(pairs: &[(&str, &str)]) -> Params {
    Params::from_pairs(pairs.iter().copied()).unwrap()
}

fn exclusive() -> Connection {
    Connection::new(Config::default())
}

fn with(change: impl FnOnce(&mut Config)) -> Connection {
    let mut config = Config::default();
    change(&mut config);
    Connection::new(config)
}

/// A connection with one request without a body, all of it written.
fn waiting() -> (Connection, fastcgi_proto::RequestId) {
    let mut connection = exclusive();
    let request = connection
        .begin(Role::RESPONDER, &params(&[("A", "b")]), BodyLen::Empty)
        .unwrap();
    drain(connection.outgoing());
    (connection, request)
}

#[test]
fn request_without_body_is_begin_params_and_two_bare_terminators() {
    let mut connection = exclusive();
    let pairs = params(&[("A", "b")]);
    connection
        .begin(Role::RESPONDER, &pairs, BodyLen::Empty)
        .unwrap();
    let wire = drain(connection.outgoing());
    let expected = [
        begin(1, 1, 1),
        record(PARAMS, 1, b"\x01\x01Ab\0\0\0\0")[..8].to_vec(),
    ];
    assert_eq!(&wire[..16], expected[0]);
    let records = read_records(&wire);
    let shapes: Vec<_> = records
        .iter()
        .map(|r| (r.record_type, r.id, r.content.len(), r.padding))
        .collect();
    assert_eq!(
        shapes,
        [
            (BEGIN, 1, 8, 0),
            (PARAMS, 1, 4, 4),
            (PARAMS, 1, 0, 0),
            (STDIN, 1, 0, 0)
        ]
    );
}

#[test]
fn body_is_cut_at_65528_and_ended_without_padding() {
    let mut connection = exclusive();
    let len = 200_001;
    let declared = params(&[("CONTENT_LENGTH", "200001")]);
    let request = connection
        .begin(Role::RESPONDER, &declared, BodyLen::Exact(len))
        .unwrap();
    drain(connection.outgoing());
    let body = Bytes::from(vec![b'x'; 200_001]);
    connection.send(request, body).unwrap();
    connection.finish(request).unwrap();
    connection.finish(request).unwrap();
    let wire = drain(connection.outgoing());
    let shapes: Vec<_> = read_records(&wire)
        .iter()
        .map(|r| (r.content.len(), r.padding))
        .collect();
    assert_eq!(
        shapes,
        [(65_528, 0), (65_528, 0), (65_528, 0), (3_417, 7), (0, 0)]
    );
}

#[test]
fn more_than_declared_is_refused_and_less_cannot_be_finished() {
    let mut connection = exclusive();
    let declared = params(&[("CONTENT_LENGTH", "5")]);
    let request = connection
        .begin(Role::RESPONDER, &declared, BodyLen::Exact(5))
        .unwrap();
    drain(connection.outgoing());
    let send = |connection: &mut Connection, bytes: &'static [u8]| {
        connection.send(request, Bytes::from_static(bytes))
    };
    assert_eq!(
        send(&mut connection, b"123456"),
        Err(SendError::TooLong { by: 1 })
    );
    assert_eq!(send(&mut connection, b"123"), Ok(()));
    assert_eq!(
        connection.finish(request),
        Err(Short::Missing { missing: 2 })
    );
    assert_eq!(send(&mut connection, b"45"), Ok(()));
    assert_eq!(connection.finish(request), Ok(()));
    assert_eq!(send(&mut connection, b"6"), Err(SendError::Ended));
    let sent: Vec<u8> = read_records(&drain(connection.outgoing()))
        .into_iter()
        .flat_map(|record| record.content)
        .collect();
    assert_eq!(sent, b"12345");
}

#[test]
fn length_of_the_body_must_be_what_content_length_says() {
    type Case<'a> = (&'a [(&'a str, &'a str)], BodyLen, bool);
    let cases: [Case<'_>; 9] = [
        (&[], BodyLen::Empty, true),
        (&[("CONTENT_LENGTH", "")], BodyLen::Empty, true),
        (&[("CONTENT_LENGTH", "0")], BodyLen::Exact(0), true),
        (&[("CONTENT_LENGTH", "3")], BodyLen::Empty, false),
        (&[("CONTENT_LENGTH", "3")], BodyLen::Exact(4), false),
        (&[], BodyLen::Exact(4), false),
        (&[("CONTENT_LENGTH", "-1")], BodyLen::Empty, false),
        (
            &[("CONTENT_LENGTH", "9"), ("CONTENT_LENGTH", "4")],
            BodyLen::Exact(4),
            true,
        ),
        (&[], BodyLen::Unknown, false),
    ];
    for (pairs, body, allowed) in cases {
        let mut by_reference = exclusive();
        let first = by_reference.begin(Role::RESPONDER, &params(pairs), body);
        assert_eq!(first.is_ok(), allowed, "{pairs:?} {body:?}");
        let mut written = exclusive();
        let second = written.begin_with::<BeginError>(Role::RESPONDER, body, |out| {
            for (name, value) in pairs {
                out.push(name.as_bytes(), value.as_bytes())?;
            }
            Ok(())
        });
        assert_eq!(first, second);
        assert_eq!(
            by_reference.wants_write(),
            allowed,
            "nothing is queued on error"
        );
        assert_eq!(drain(by_reference.outgoing()), drain(written.outgoing()));
    }
}

#[test]
fn unknown_length_needs_permission() {
    let mut connection = Connection::new(Config::permissive());
    let request = connection
        .begin(Role::RESPONDER, &Params::default(), BodyLen::Unknown)
        .unwrap();
    connection
        .send(request, Bytes::from_static(b"abc"))
        .unwrap();
    connection.finish(request).unwrap();
}

#[test]
fn params_above_one_record_are_cut_between_pairs() {
    let value = "v".repeat(30_000);
    let many = params(&[("A", &value), ("B", &value), ("C", &value), ("D", "d")]);
    let mut connection = exclusive();
    connection
        .begin(Role::RESPONDER, &many, BodyLen::Empty)
        .unwrap();
    let wire = drain(connection.outgoing());
    let mut all = Vec::new();
    for record in read_records(&wire) {
        if record.record_type == PARAMS {
            assert!(record.content.len() <= 65_528);
            // Each record is whole pairs.
            Params::from_encoded(Bytes::from(record.content.clone())).unwrap();
            all.extend(record.content);
        }
    }
    assert_eq!(&all[..], &many.as_encoded()[..]);
}

#[test]
fn pair_above_one_record_is_refused_or_split_where_allowed() {
    let value = "v".repeat(70_000);
    let many = params(&[("A", "a"), ("B", &value), ("C", "c")]);
    let mut connection = exclusive();
    let refused = connection.begin(Role::RESPONDER, &many, BodyLen::Empty);
    assert_eq!(
        refused,
        Err(BeginError::Param(ParamError::TooLong {
            index: 1,
            len: 70_006,
            max: 65_528
        }))
    );
    assert!(!connection.wants_write());
    assert_eq!(connection.reuse(), Reuse::Ready);

    let mut connection = with(|config| config.pair_split = PairSplit::Allow);
    connection
        .begin(Role::RESPONDER, &many, BodyLen::Empty)
        .unwrap();
    let contents: Vec<u8> = read_records(&drain(connection.outgoing()))
        .into_iter()
        .filter(|record| record.record_type == PARAMS)
        .flat_map(|record| record.content)
        .collect();
    assert_eq!(&contents[..], &many.as_encoded()[..]);
}

#[test]
fn nul_from_a_peers_params_is_not_passed_on() {
    let hostile = Params::from_encoded(Bytes::from_static(b"\x01\x03Aa\0b")).unwrap();
    let refused = exclusive().begin(Role::RESPONDER, &hostile, BodyLen::Empty);
    assert_eq!(
        refused,
        Err(BeginError::Param(ParamError::Nul { index: 0 }))
    );
}

#[test]
fn answer_is_told_and_the_connection_is_ready() {
    let (mut connection, request) = waiting();
    assert_eq!(connection.reuse(), Reuse::Busy);
    let wire = [
        padded(STDERR, 1, b"oops", 4),
        padded(STDOUT, 1, b"hi", 255),
        record(STDOUT, 1, b""),
        end(1, 7, 0),
    ]
    .concat();
    assert_eq!(
        events(&mut connection, &wire),
        [
            Event::Stderr {
                request,
                content: Bytes::from_static(b"oops")
            },
            Event::Stdout {
                request,
                content: Bytes::from_static(b"hi")
            },
            Event::StdoutEnd { request },
            Event::End {
                request,
                app_status: 7,
                protocol_status: ProtocolStatus::REQUEST_COMPLETE,
                source: EndSource::Record,
            },
        ]
    );
    assert_eq!(connection.reuse(), Reuse::Ready);
    assert_eq!(connection.finish(request), Err(Short::Inactive));
    assert_eq!(connection.abort(request), AbortAction::Inactive);
}

#[test]
fn end_before_the_body_is_sent_forbids_reuse_and_stops_sending() {
    let mut connection = exclusive();
    let declared = params(&[("CONTENT_LENGTH", "10")]);
    let request = connection
        .begin(Role::RESPONDER, &declared, BodyLen::Exact(10))
        .unwrap();
    drain(connection.outgoing());
    connection
        .send(request, Bytes::from_static(b"12345"))
        .unwrap();
    events(&mut connection, &end(1, 0, 0));
    assert!(!connection.wants_write());
    assert_eq!(
        connection.send(request, Bytes::from_static(b"67890")),
        Err(SendError::Inactive)
    );
    assert_eq!(
        connection.reuse(),
        Reuse::Close(CloseReason::InputIncomplete)
    );
    let params = Params::default();
    assert_eq!(
        connection.begin(Role::RESPONDER, &params, BodyLen::Empty),
        Err(BeginError::Closing(CloseReason::InputIncomplete))
    );
}

#[test]
fn bytes_after_the_end_forbid_reuse() {
    let (mut connection, _) = waiting();
    events(
        &mut connection,
        &[end(1, 0, 0), record(STDOUT, 1, b"late")].concat(),
    );
    assert_eq!(connection.reuse(), Reuse::Close(CloseReason::TrailingBytes));

    let (mut connection, _) = waiting();
    events(&mut connection, &end(1, 0, 0));
    assert_eq!(connection.reuse(), Reuse::Ready);
    let late = events(&mut connection, &record(STDOUT, 1, b"late"));
    assert!(matches!(late[..], [Event::Ignored { request_id: 1, .. }]));
    assert_eq!(connection.reuse(), Reuse::Close(CloseReason::StrayRecord));
}

#[test]
fn padding_of_the_end_is_not_taken_for_trailing_bytes() {
    let (mut connection, _) = waiting();
    events(&mut connection, &padded(END, 1, &[0; 8], 200));
    assert_eq!(connection.reuse(), Reuse::Ready);
}

#[test]
fn record_of_another_id_is_not_delivered() {
    let (mut connection, _) = waiting();
    let seen = events(&mut connection, &record(STDOUT, 2, b"not yours"));
    assert_eq!(
        seen,
        [Event::Ignored {
            record_type: RecordType::STDOUT,
            request_id: 2
        }]
    );
    assert_eq!(connection.reuse(), Reuse::Close(CloseReason::StrayRecord));
}

#[test]
fn end_of_the_connection_is_no_end_of_the_request() {
    for (wire, responded, stdout_ended) in [
        (vec![], false, false),
        (record(STDOUT, 1, b"half"), true, false),
        (record(STDOUT, 1, b"cut off")[..10].to_vec(), true, false),
        (record(STDOUT, 1, b""), true, true),
    ] {
        let (mut connection, _) = waiting();
        events(&mut connection, &wire);
        let expected = ProtocolError::UnexpectedEof {
            responded,
            stdout_ended,
        };
        assert_eq!(connection.handle_eof(), Err(expected));
        assert_eq!(connection.handle_eof(), Err(expected));
        assert_eq!(connection.reuse(), Reuse::Close(CloseReason::Error));
    }
}

#[test]
fn end_of_the_connection_after_complete_output_can_be_accepted() {
    let mut connection = with(|config| config.missing_end = MissingEnd::AcceptAfterStdoutEnd);
    let request = connection
        .begin(Role::RESPONDER, &Params::default(), BodyLen::Empty)
        .unwrap();
    events(
        &mut connection,
        &[record(STDOUT, 1, b"x"), record(STDOUT, 1, b"")].concat(),
    );
    let end = connection.handle_eof().unwrap();
    assert!(
        matches!(end, Some(Event::End { request: this, source: EndSource::Eof, .. }) if this == request)
    );
    assert_eq!(connection.handle_eof(), Ok(None));
    assert_eq!(connection.reuse(), Reuse::Close(CloseReason::PeerClosed));
}

#[test]
fn idle_connection_may_be_closed_by_the_peer() {
    let mut connection = exclusive();
    assert_eq!(connection.handle_eof(), Ok(None));
    assert!(!connection.wants_read());
    assert_eq!(connection.reuse(), Reuse::Close(CloseReason::PeerClosed));
}

#[test]
fn without_keep_conn_the_connection_serves_one_request() {
    let mut connection = with(|config| config.keep_conn = false);
    connection
        .begin(Role::RESPONDER, &Params::default(), BodyLen::Empty)
        .unwrap();
    let wire = drain(connection.outgoing());
    assert_eq!(&wire[..16], begin(1, 1, 0));
    events(&mut connection, &end(1, 0, 0));
    assert_eq!(connection.reuse(), Reuse::Close(CloseReason::NoKeep));
}

#[test]
fn abort_before_anything_was_written_leaves_no_trace() {
    let mut connection = exclusive();
    let begin = |connection: &mut Connection| {
        connection
            .begin(Role::RESPONDER, &Params::default(), BodyLen::Empty)
            .unwrap()
    };
    let request = begin(&mut connection);
    assert_eq!(connection.retry_class(request), Some(RetryClass::NotSent));
    assert_eq!(connection.abort(request), AbortAction::NotSent);
    assert!(!connection.wants_write());
    assert_eq!(connection.reuse(), Reuse::Ready);

    let request = begin(&mut connection);
    drain(connection.outgoing());
    assert_eq!(connection.retry_class(request), Some(RetryClass::MaybeSent));
    assert_eq!(connection.abort(request), AbortAction::CloseConnection);
    assert_eq!(connection.reuse(), Reuse::Close(CloseReason::Aborted));
}

#[test]
fn second_request_waits_until_the_peer_says_that_it_multiplexes() {
    let mut connection = with(|config| config.mode = Mode::Negotiated { max: 2 });
    connection.query_values(ValueNames::ALL);
    let begin = |connection: &mut Connection| {
        connection.begin(Role::RESPONDER, &Params::default(), BodyLen::Empty)
    };
    let first = begin(&mut connection).unwrap();
    assert_eq!(begin(&mut connection), Err(BeginError::Busy));
    let answer = record(GET_VALUES_RESULT, 0, &pairs(&[(b"FCGI_MPXS_CONNS", b"1")]));
    assert!(matches!(
        events(&mut connection, &answer)[..],
        [Event::Values(_)]
    ));
    let second = begin(&mut connection).unwrap();
    assert_eq!((first.get(), second.get()), (1, 2));
    assert_eq!(begin(&mut connection), Err(BeginError::Busy));
    let seen = events(&mut connection, &record(STDOUT, 2, b"for the second"));
    assert!(matches!(&seen[..], [Event::Stdout { request, .. }] if *request == second));
}

#[test]
fn aborted_id_is_not_used_again_before_its_end() {
    let mut connection = with(|config| config.mode = Mode::Multiplexed { max: 2 });
    let begin = |connection: &mut Connection| {
        connection
            .begin(Role::RESPONDER, &Params::default(), BodyLen::Empty)
            .unwrap()
    };
    let first = begin(&mut connection);
    drain(connection.outgoing());
    assert_eq!(connection.abort(first), AbortAction::Sent);
    assert_eq!(drain(connection.outgoing()), record(ABORT, 1, b""));
    let second = begin(&mut connection);
    assert_eq!(second.get(), 2);
    // What still comes for the aborted one is dropped.
    assert_eq!(events(&mut connection, &record(STDOUT, 1, b"late")), []);
    events(&mut connection, &end(1, 0, 0));
    let third = begin(&mut connection);
    assert_eq!(third.get(), 1);
    assert_ne!(third, first);
    assert_eq!(connection.retry_class(first), None);
}

#[test]
fn filter_sends_data_after_stdin() {
    let mut connection = exclusive();
    let lengths = params(&[("CONTENT_LENGTH", "2"), ("FCGI_DATA_LENGTH", "3")]);
    let request = connection
        .begin(Role::FILTER, &lengths, BodyLen::Exact(2))
        .unwrap();
    drain(connection.outgoing());
    let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
    assert_eq!(
        connection.send_data(request, bytes("abc")),
        Err(SendError::StdinOpen)
    );
    connection.send(request, bytes("in")).unwrap();
    connection.finish(request).unwrap();
    assert_eq!(
        connection.send_data(request, bytes("abcd")),
        Err(SendError::TooLong { by: 1 })
    );
    connection.send_data(request, bytes("abc")).unwrap();
    connection.finish_data(request).unwrap();
    let shapes: Vec<_> = read_records(&drain(connection.outgoing()))
        .into_iter()
        .map(|record| (record.record_type, record.content))
        .collect();
    assert_eq!(
        shapes,
        [
            (STDIN, b"in".to_vec()),
            (STDIN, vec![]),
            (DATA, b"abc".to_vec()),
            (DATA, vec![])
        ]
    );
}

#[test]
fn authorizer_has_no_stdin_at_all() {
    let mut connection = exclusive();
    connection
        .begin(Role::AUTHORIZER, &params(&[("A", "b")]), BodyLen::Empty)
        .unwrap();
    let wire = drain(connection.outgoing());
    assert!(
        read_records(&wire)
            .iter()
            .all(|record| record.record_type != STDIN)
    );
    let declared = params(&[("CONTENT_LENGTH", "2")]);
    let refused = exclusive().begin(Role::AUTHORIZER, &declared, BodyLen::Exact(2));
    assert_eq!(refused, Err(BeginError::AuthorizerBody));
}

#[test]
fn records_only_a_web_server_sends_are_errors() {
    for (wire, record_type) in [
        (begin(1, 1, 0), RecordType::BEGIN_REQUEST),
        (record(ABORT, 1, b""), RecordType::ABORT_REQUEST),
        (record(STDIN, 1, b"x"), RecordType::STDIN),
        (record(PARAMS, 1, b""), RecordType::PARAMS),
        (record(GET_VALUES, 0, b""), RecordType::GET_VALUES),
    ] {
        let (mut connection, _) = waiting();
        let mut input = BytesMut::from(&wire[..]);
        let error = connection.handle_input(&mut input).unwrap_err();
        assert_eq!(error, ProtocolError::WrongSide { record_type });
        assert_eq!(connection.handle_input(&mut input), Err(error));
        assert!(!connection.wants_read() && !connection.wants_write());
    }
}

#[test]
fn unknown_records_are_skipped_or_refused() {
    let wire = [
        record(42, 1, b"mixed into stdout?"),
        record(STDOUT, 1, b"no"),
    ]
    .concat();
    let (mut connection, request) = waiting();
    assert_eq!(
        events(&mut connection, &wire),
        [
            Event::Ignored {
                record_type: RecordType(42),
                request_id: 1
            },
            Event::Stdout {
                request,
                content: Bytes::from_static(b"no")
            }
        ]
    );
    let mut strict = Connection::new(Config::strict());
    let refused = strict.handle_input(&mut BytesMut::from(&wire[..]));
    let record_type = RecordType(42);
    assert_eq!(refused, Err(ProtocolError::UnknownRecord { record_type }));
}

#[test]
fn output_after_its_end_is_an_error() {
    let (mut connection, _) = waiting();
    let wire = [record(STDOUT, 1, b""), record(STDOUT, 1, b"more")].concat();
    let mut input = BytesMut::from(&wire[..]);
    assert!(connection.handle_input(&mut input).unwrap().is_some());
    let (record_type, request_id) = (RecordType::STDOUT, 1);
    assert_eq!(
        connection.handle_input(&mut input),
        Err(ProtocolError::AfterStreamEnd {
            record_type,
            request_id
        })
    );
}

#[test]
fn management_answer_is_bounded() {
    let mut connection = exclusive();
    let header = [1, GET_VALUES_RESULT, 0, 0, 0xff, 0xff, 0, 0];
    let refused = connection.handle_input(&mut BytesMut::from(&[&header[..], b"x"].concat()[..]));
    let (len, limit) = (65_535, 4096);
    assert_eq!(refused, Err(ProtocolError::ManagementLength { len, limit }));
}

#[test]
fn send_capacity_falls_with_what_is_queued() {
    let mut connection = with(|config| {
        config.unknown_length = true;
        config.limits.queued_output = 1000;
    });
    let request = connection
        .begin(Role::RESPONDER, &Params::default(), BodyLen::Unknown)
        .unwrap();
    drain(connection.outgoing());
    assert_eq!(connection.send_capacity(), 1000);
    connection
        .send(request, Bytes::from(vec![0; 2000]))
        .unwrap();
    assert_eq!(connection.send_capacity(), 0);
    drain(connection.outgoing());
    assert_eq!(connection.send_capacity(), 1000);
}
