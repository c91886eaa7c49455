//! Inputs on which FastCGI implementations are known to panic, hang, lose or
//! mix data. Each test is named for what happens here instead.

mod support;

use bytes::{Bytes, BytesMut};
use fastcgi_proto::client::{self, BodyLen, Event, Reuse};
use fastcgi_proto::{
    DecodeError, PairError, Params, ProtocolError, ProtocolStatus, RecordType, Role, server,
};
use support::{
    END, GET_VALUES_RESULT, PARAMS, STDERR, STDIN, STDOUT, UNKNOWN_TYPE, begin, drain, end, pairs,
    read_records, record,
};

fn waiting() -> client::Connection {
    let mut connection = client::Connection::new(client::Config::default());
    connection
        .begin(Role::RESPONDER, &Params::default(), BodyLen::Empty)
        .unwrap();
    drain(connection.outgoing());
    connection
}

/// Feeds `wire` byte by byte and as a whole; both must come to the same.
fn client_outcome(wire: &[u8]) -> Result<Vec<Event>, ProtocolError> {
    let run = |pieces: Vec<&[u8]>| {
        let mut connection = waiting();
        let (mut input, mut events) = (BytesMut::new(), Vec::new());
        for piece in pieces {
            input.extend_from_slice(piece);
            while let Some(event) = connection.handle_input(&mut input)? {
                events.push(event);
            }
        }
        Ok(events)
    };
    let whole = run(vec![wire]);
    let bytewise = run(wire.chunks(1).collect());
    assert_eq!(whole.is_ok(), bytewise.is_ok());
    assert_eq!(whole.as_ref().err(), bytewise.as_ref().err());
    whole
}

#[test]
fn malformed_records_are_typed_errors_not_panics() {
    let decode = ProtocolError::Decode;
    let unknown = record(UNKNOWN_TYPE, 0, &[9; 7]);
    let cases = [
        (
            record(END, 1, &[0; 7]),
            decode(DecodeError::EndLength { got: 7 }),
        ),
        (
            record(END, 1, b""),
            decode(DecodeError::EndLength { got: 0 }),
        ),
        (
            record(1, 1, &[0]),
            decode(DecodeError::BeginLength { got: 1 }),
        ),
        (
            record(2, 1, b"x"),
            decode(DecodeError::AbortLength { got: 1 }),
        ),
        (unknown, decode(DecodeError::UnknownTypeLength { got: 7 })),
        (
            record(STDOUT, 0, b"x"),
            decode(DecodeError::NullId {
                record_type: RecordType::STDOUT,
            }),
        ),
        (
            record(GET_VALUES_RESULT, 5, b""),
            decode(DecodeError::ManagementId {
                record_type: RecordType::GET_VALUES_RESULT,
                request_id: 5,
            }),
        ),
        (
            b"HTTP/1.1".to_vec(),
            decode(DecodeError::Version { got: b'H' }),
        ),
        (
            record(GET_VALUES_RESULT, 0, b"\xff\xff\xff\xff"),
            ProtocolError::Pairs {
                record_type: RecordType::GET_VALUES_RESULT,
                source: PairError::Lengths { at: 0 },
            },
        ),
    ];
    for (wire, error) in cases {
        assert_eq!(client_outcome(&wire), Err(error));
        let mut application = server::Connection::new(server::Config::default());
        let mut input = BytesMut::from(&wire[..]);
        assert!(application.handle_input(&mut input).is_err());
    }
}

#[test]
fn odd_but_legal_records_are_read() {
    let long_end = [&[0, 0, 0, 7, 0, b' ', b'c', b'l'][..], b"more"].concat();
    for (wire, expected) in [
        (record(END, 1, &long_end), ProtocolStatus::REQUEST_COMPLETE),
        (end(1, 7, 2), ProtocolStatus::OVERLOADED),
        (end(1, 7, 77), ProtocolStatus(77)),
    ] {
        let events = client_outcome(&wire).unwrap();
        let [
            Event::End {
                app_status,
                protocol_status,
                ..
            },
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!((*app_status, *protocol_status), (7, expected));
    }
}

#[test]
fn management_answers_before_the_output_do_not_put_it_out_of_step() {
    let values = record(GET_VALUES_RESULT, 0, &pairs(&[(b"FCGI_MPXS_CONNS", b"0")]));
    let unknown = record(UNKNOWN_TYPE, 0, &[9, 0, 0, 0, 0, 0, 0, 0]);
    let wire = [values, unknown, record(STDOUT, 1, b"out"), end(1, 0, 0)].concat();
    let events = client_outcome(&wire).unwrap();
    assert!(matches!(
        events[..],
        [
            Event::Values(_),
            Event::UnknownType(_),
            Event::Stdout { .. },
            Event::End { .. }
        ]
    ));
}

#[test]
fn output_of_any_size_arrives_whole() {
    let pieces = 200_000 / 100;
    let wire = [record(STDOUT, 1, &[b'x'; 100]).repeat(pieces), end(1, 0, 0)].concat();
    let total: usize = client_outcome(&wire)
        .unwrap()
        .iter()
        .map(|event| match event {
            Event::Stdout { content, .. } => content.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(total, 200_000);
}

#[test]
fn stderr_and_stdout_are_never_mixed() {
    let wire = [
        record(STDERR, 1, &[b'e'; 65_535]),
        record(STDERR, 1, &[b'e'; 65_535]),
        record(STDOUT, 1, b"out"),
        record(STDERR, 1, b"tail"),
        record(STDERR, 1, b""),
        end(1, 0, 0),
    ]
    .concat();
    let (mut out, mut err) = (Vec::new(), 0);
    for event in client_outcome(&wire).unwrap() {
        match event {
            Event::Stdout { content, .. } => out.extend_from_slice(&content),
            Event::Stderr { content, .. } => err += content.len(),
            _ => {}
        }
    }
    assert_eq!((&out[..], err), (&b"out"[..], 2 * 65_535 + 4));
}

#[test]
fn bodies_at_the_edges_of_16_bits_are_cut_right() {
    for len in [
        0x7fff_usize,
        0x8000,
        65_527,
        65_528,
        65_529,
        65_535,
        65_536,
        131_072,
    ] {
        let mut connection = client::Connection::new(client::Config::default());
        let declared = Params::from_pairs([("CONTENT_LENGTH", len.to_string())]).unwrap();
        let request = connection
            .begin(Role::RESPONDER, &declared, BodyLen::Exact(len as u64))
            .unwrap();
        connection
            .send(request, Bytes::from(vec![b'x'; len]))
            .unwrap();
        connection.finish(request).unwrap();
        let records = read_records(&drain(connection.outgoing()));
        let stdin = records.iter().filter(|record| record.record_type == STDIN);
        assert_eq!(stdin.map(|record| record.content.len()).sum::<usize>(), len);
        let last = records.last().unwrap();
        assert_eq!(
            (last.record_type, last.content.len(), last.padding),
            (STDIN, 0, 0)
        );
    }
}

#[test]
fn long_names_have_four_byte_lengths_with_the_top_bit() {
    for len in [127_usize, 128, 200, 65_000] {
        let name = "N".repeat(len);
        let params = Params::from_pairs([(name.as_str(), "v")]).unwrap();
        assert_eq!(
            &params.as_encoded()[..],
            &pairs(&[(name.as_bytes(), b"v")])[..]
        );
        assert_eq!(params.get(&name), Some(&b"v"[..]));
    }
}

#[test]
fn bytes_that_are_not_utf_8_stay_as_they_are() {
    let params = Params::from_pairs([(&b"HTTP_X"[..], &b"\xff\xfe"[..])]).unwrap();
    let mut connection = server::Connection::new(server::Config::default());
    let wire = [
        begin(1, 1, 0),
        record(PARAMS, 1, params.as_encoded()),
        record(PARAMS, 1, b""),
    ];
    let mut input = BytesMut::from(&wire.concat()[..]);
    let event = connection.handle_input(&mut input).unwrap();
    let Some(server::Event::Request { params: seen, .. }) = event else {
        panic!("{event:?}")
    };
    assert_eq!(seen.get("HTTP_X"), Some(&b"\xff\xfe"[..]));
    assert_eq!(seen.get("http_x"), None, "names keep their case");
}

#[test]
fn pair_that_announces_4_gib_holds_nothing() {
    let mut connection = server::Connection::new(server::Config::default());
    let wire = [
        begin(1, 1, 1),
        record(PARAMS, 1, b"\xff\xff\xff\xff\xff\xff\xff\xffx"),
        record(PARAMS, 1, b""),
    ]
    .concat();
    let mut input = BytesMut::from(&wire[..]);
    let error = connection.handle_input(&mut input).unwrap_err();
    let source = PairError::Content {
        at: 0,
        announced: 0xffff_fffe,
        got: 1,
    };
    let record_type = RecordType::PARAMS;
    assert_eq!(
        error,
        ProtocolError::Pairs {
            record_type,
            source
        }
    );
}

#[test]
fn half_open_requests_are_bounded() {
    let mut connection = server::Connection::new(server::Config::default());
    let wire: Vec<u8> = (1..=1000).flat_map(|id| begin(id, 1, 1)).collect();
    let mut input = BytesMut::from(&wire[..]);
    assert_eq!(connection.handle_input(&mut input), Ok(None));
    assert_eq!(connection.active(), 16);
    let refused = read_records(&drain(connection.outgoing()));
    assert_eq!(refused.len(), 1000 - 16);
    assert!(
        refused.iter().all(|record| record.content[4] == 2),
        "OVERLOADED"
    );
}

#[test]
fn questions_of_any_length_get_one_short_answer() {
    let mut connection = server::Connection::new(server::Config::default());
    let many: Vec<(&[u8], &[u8])> = vec![(b"FCGI_MPXS_CONNS", b""); 200];
    let mut input = BytesMut::from(&record(9, 0, &pairs(&many))[..]);
    assert_eq!(connection.handle_input(&mut input), Ok(None));
    let answer = read_records(&drain(connection.outgoing()));
    assert_eq!(answer[0].content, pairs(&[(b"FCGI_MPXS_CONNS", b"1")]));
    let mut input = BytesMut::from(&record(9, 0, &[0; 60_000])[..]);
    assert!(matches!(
        connection.handle_input(&mut input),
        Err(ProtocolError::ManagementLength { .. })
    ));
}

#[test]
fn surplus_of_a_body_never_reaches_the_wire() {
    let mut connection = client::Connection::new(client::Config::default());
    let declared = Params::from_pairs([("CONTENT_LENGTH", "5")]).unwrap();
    let request = connection
        .begin(Role::RESPONDER, &declared, BodyLen::Exact(5))
        .unwrap();
    let head = drain(connection.outgoing());
    assert!(!head.is_empty());
    let smuggled = [b"12345".to_vec(), begin(1, 1, 1)].concat();
    assert!(connection.send(request, Bytes::from(smuggled)).is_err());
    assert!(!connection.wants_write());
}

#[test]
fn unfinished_answer_leaves_the_connection_unusable() {
    // A client that forgot this would hand the rest to its next request.
    let mut connection = waiting();
    let mut input = BytesMut::from(&record(STDOUT, 1, b"some of it")[..]);
    assert!(connection.handle_input(&mut input).unwrap().is_some());
    assert_eq!(connection.reuse(), Reuse::Busy);
    assert!(
        connection
            .begin(Role::RESPONDER, &Params::default(), BodyLen::Empty)
            .is_err()
    );
}
