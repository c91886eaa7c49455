//! Heads that are encoded once: sent over any connection, taken back, counted.

mod support;

use bytes::{Buf, Bytes, BytesMut};
use fastcgi_proto::client::{
    BeginError, BodyLen, Config, Connection, Mode, RequestHead, RequestHeadBuilder, RetryClass,
    Reuse,
};
use fastcgi_proto::{Params, RequestId, Role};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{STDOUT, drain, end, record};

type Pair = (Vec<u8>, Vec<u8>);

fn head(role: Role, keep: bool, pairs: &[Pair]) -> RequestHead {
    let mut head = RequestHeadBuilder::new(role).keep_conn(keep);
    let mut params = head.params();
    for (name, value) in pairs {
        params.push(name, value).unwrap();
    }
    params.finish().unwrap();
    head.build().unwrap()
}

fn pair(name: &str, value: &str) -> Pair {
    (name.into(), value.into())
}

fn declaring(len: u64) -> RequestHead {
    let pairs = [pair("CONTENT_LENGTH", &len.to_string())];
    head(Role::RESPONDER, true, &pairs)
}

fn sent(connection: &mut Connection, request: RequestId, body: &Bytes) -> Vec<u8> {
    connection.send(request, body.clone()).unwrap();
    connection.finish(request).unwrap();
    drain(connection.outgoing())
}

/// Takes `count` bytes of what is to be written.
fn write(connection: &mut Connection, count: usize) {
    connection.outgoing().advance(count);
}

fn any_pairs() -> impl Strategy<Value = Vec<Pair>> {
    let byte = 1..=u8::MAX;
    let text = prop_oneof![
        8 => vec(byte.clone(), 0..40),
        2 => vec(byte.clone(), 120..140),
        1 => vec(byte, 20_000..30_000),
    ];
    vec((text.clone(), text), 0..12)
}

fn any_config() -> impl Strategy<Value = Config> {
    let max_content = prop_oneof![Just(65528), Just(65535), 100..=65535_u16];
    (max_content, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(max_content, pad, keep_conn, split)| {
            let mut config = if split {
                Config::permissive()
            } else {
                Config::default()
            };
            (config.max_content, config.pad, config.keep_conn) = (max_content, pad, keep_conn);
            config.mode = Mode::Multiplexed { max: 3 };
            config
        },
    )
}

proptest! {
    #[test]
    fn head_is_sent_as_begin_sends_its_params(
        pairs in any_pairs(),
        body in vec(any::<u8>(), 0..300),
        keep: bool,
        config in any_config(),
        role in prop_oneof![Just(Role::RESPONDER), Just(Role::FILTER), Just(Role::AUTHORIZER)],
    ) {
        let body = Bytes::from(if role == Role::AUTHORIZER { Vec::new() } else { body });
        let mut pairs = pairs;
        pairs.push(pair("CONTENT_LENGTH", &body.len().to_string()));
        pairs.push(pair("FCGI_DATA_LENGTH", "0"));
        let head = head(role, keep, &pairs);
        let params = Params::from_pairs(pairs.iter().map(|(n, v)| (n, v))).unwrap();
        let walked: Vec<Pair> = head.params().map(|(n, v)| (n.into(), v.into())).collect();
        prop_assert_eq!(&walked, &pairs);
        let len = if body.is_empty() { BodyLen::Empty } else { BodyLen::Exact(body.len() as u64) };
        let mut by_head = Connection::new(config);
        let mut by_params = Connection::new(config);
        // The second and the third have other ids.
        for _ in 0..3 {
            let (one, other) = (by_head.begin_head(&head, len), by_params.begin(role, &params, len));
            prop_assert_eq!(&one, &other);
            let Ok(request) = one else {
                prop_assert!(!by_head.wants_write());
                continue;
            };
            if len != BodyLen::Empty {
                let same = sent(&mut by_head, request, &body) == sent(&mut by_params, request, &body);
                prop_assert!(same);
            } else {
                prop_assert!(drain(by_head.outgoing()) == drain(by_params.outgoing()));
            }
            prop_assert_eq!(by_head.is_input_complete(request), role != Role::FILTER);
        }
    }

    #[test]
    fn lengths_that_begin_refuses_are_refused(declared in vec("-?[0-9]{0,3}", 0..2), len in 0..200_u64) {
        let pairs: Vec<Pair> = declared.iter().map(|text| pair("CONTENT_LENGTH", text)).collect();
        let head = head(Role::RESPONDER, true, &pairs);
        let params = Params::from_pairs(pairs.iter().map(|(n, v)| (n, v))).unwrap();
        for body in [BodyLen::Empty, BodyLen::Exact(len), BodyLen::Unknown] {
            for config in [Config::default(), Config::permissive()] {
                let mut connection = Connection::new(config);
                let by_params = Connection::new(config).begin(Role::RESPONDER, &params, body);
                prop_assert_eq!(connection.begin_head(&head, body), by_params);
                prop_assert_eq!(connection.wants_write(), by_params.is_ok());
                if config.unknown_length {
                    prop_assert_eq!(head.check_body(body), by_params.map(|_| ()));
                }
            }
        }
    }
}

#[test]
fn head_is_queued_by_reference() {
    let head = head(Role::RESPONDER, true, &[pair("A", "b")]);
    let mut connection = Connection::new(Config::default());
    connection.begin_head(&head, BodyLen::Empty).unwrap();
    let outgoing = connection.outgoing();
    assert_eq!(outgoing.chunk().as_ptr(), head.as_bytes().as_ptr());
    assert_eq!(outgoing.chunks().count(), 2);
}

#[test]
fn unfinished_params_make_no_head() {
    let mut head = RequestHeadBuilder::new(Role::RESPONDER);
    head.params().push(b"A", b"b").unwrap();
    let error = head.build().unwrap_err();
    assert_eq!(BeginError::from(error), BeginError::Unfinished(error));
}

#[test]
fn input_is_complete_with_its_last_byte() {
    let mut connection = Connection::new(Config::default());
    let request = connection
        .begin_head(&declaring(4), BodyLen::Exact(4))
        .unwrap();
    drain(connection.outgoing());
    assert!(!connection.is_input_complete(request));
    connection
        .send(request, Bytes::from_static(b"ping"))
        .unwrap();
    connection.finish(request).unwrap();
    while connection.wants_write() {
        assert!(!connection.is_input_complete(request));
        write(&mut connection, 1);
    }
    assert!(connection.is_input_complete(request));
    let mut answer = BytesMut::from(&end(1, 0, 0)[..]);
    connection.handle_input(&mut answer).unwrap();
    assert!(!connection.is_input_complete(request), "it has ended");
}

#[test]
fn untouched_request_is_taken_back_with_its_body() {
    let pieces = [Bytes::from_static(b"pi"), Bytes::from_static(b"ng")];
    let begun = || {
        let mut connection = Connection::new(Config::default());
        let request = connection
            .begin_head(&declaring(6), BodyLen::Exact(6))
            .unwrap();
        for piece in &pieces {
            connection.send(request, piece.clone()).unwrap();
        }
        (connection, request)
    };
    let (mut open, request) = begun();
    assert_eq!(open.recall(request).unwrap(), pieces);
    assert_eq!((open.reuse(), open.wants_write()), (Reuse::Ready, false));
    assert_eq!(open.recall(request), None, "only once");

    let (mut closed, request) = begun();
    closed.handle_eof().unwrap_err();
    assert_eq!(closed.retry_class(request), Some(RetryClass::NotSent));
    assert_eq!(closed.recall(request).unwrap(), pieces);

    let (mut touched, request) = begun();
    write(&mut touched, 1);
    assert_eq!(touched.recall(request), None);
    assert!(touched.wants_write(), "nothing changed");

    // Params that were copied are none of the body's pieces.
    let params = Params::from_pairs([("CONTENT_LENGTH", "6")]).unwrap();
    let mut copied = Connection::new(Config::default());
    let request = copied.begin(Role::RESPONDER, &params, BodyLen::Exact(6));
    let request = request.unwrap();
    copied.send(request, pieces[0].clone()).unwrap();
    assert_eq!(copied.recall(request).unwrap(), [pieces[0].clone()]);
}

#[test]
fn answers_after_a_head_are_read_cut_at_every_byte() {
    let wire = [record(STDOUT, 1, b"hi"), end(1, 7, 0)].concat();
    let head = head(Role::RESPONDER, true, &[pair("A", "b")]);
    for cut in 0..=wire.len() {
        let mut connection = Connection::new(Config::default());
        for _ in 0..2 {
            connection.begin_head(&head, BodyLen::Empty).unwrap();
            drain(connection.outgoing());
            let mut events = 0;
            for part in [&wire[..cut], &wire[cut..]] {
                let mut input = BytesMut::from(part);
                while connection.handle_input(&mut input).unwrap().is_some() {
                    events += 1;
                }
            }
            assert!(events >= 2, "cut at byte {cut}");
            assert_eq!(connection.reuse(), Reuse::Ready, "cut at byte {cut}");
        }
    }
}
