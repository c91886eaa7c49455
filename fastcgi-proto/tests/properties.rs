//! What holds for any pairs, any cut into records and any cut into reads.

mod support;

use bytes::{Bytes, BytesMut};
use fastcgi_proto::client::{self, BeginError, BodyLen};
use fastcgi_proto::server::{self, LengthCheck};
use fastcgi_proto::{
    PairSplit, ParamError, Params, ParamsEncoder, ParamsIter, Part, RecordDecoder, Role,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use support::{
    PARAMS, STDERR, STDIN, STDOUT, begin, drain, end, padded, pairs, read_records, record,
};

type Pair = (Vec<u8>, Vec<u8>);

/// Names and values of all lengths that matter, without NUL bytes.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = 1..=u8::MAX;
    prop_oneof![
        8 => vec(byte.clone(), 0..40),
        2 => vec(byte.clone(), 120..140),
        1 => vec(byte, 1000..3000),
    ]
}

fn pair_list() -> impl Strategy<Value = Vec<Pair>> {
    vec((text(), text()), 0..30)
}

fn encoded(list: &[Pair]) -> Vec<u8> {
    let list: Vec<(&[u8], &[u8])> = list.iter().map(|(n, v)| (&n[..], &v[..])).collect();
    pairs(&list)
}

/// Cuts `wire` at the places that `cuts` pick.
fn pieces<'a>(wire: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
    at.extend([0, wire.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &wire[pair[0]..pair[1]]).collect()
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..12)
}

/// Stream contents put together, and everything else as it came.
#[derive(Debug, PartialEq)]
enum Seen {
    Bytes(u8, u16, Vec<u8>),
    Other(Part<()>),
}

fn decoded(pieces: &[&[u8]], by_slice: bool) -> Vec<Seen> {
    let mut decoder = RecordDecoder::new();
    let mut seen = Vec::new();
    let mut add = |part: Part<&[u8]>| {
        let other = match part {
            Part::Stream {
                record_type,
                request_id,
                content,
            } => {
                assert!(!content.is_empty());
                if let Some(Seen::Bytes(last, id, bytes)) = seen.last_mut()
                    && (*last, *id) == (record_type.0, request_id)
                {
                    bytes.extend_from_slice(content);
                } else {
                    seen.push(Seen::Bytes(record_type.0, request_id, content.to_vec()));
                }
                return;
            }
            Part::Begin { request_id, body } => Part::Begin { request_id, body },
            Part::End { request_id, body } => Part::End { request_id, body },
            Part::StreamEnd {
                record_type,
                request_id,
            } => Part::StreamEnd {
                record_type,
                request_id,
            },
            Part::Unknown {
                record_type,
                request_id,
            } => Part::Unknown {
                record_type,
                request_id,
            },
            other => panic!("{other:?}"),
        };
        seen.push(Seen::Other(other));
    };
    for piece in pieces {
        if by_slice {
            let mut rest = *piece;
            loop {
                let (used, part) = decoder.decode_slice(rest).unwrap();
                rest = &rest[used..];
                match part {
                    Some(part) => add(part),
                    None => break,
                }
            }
            assert!(rest.is_empty());
        } else {
            let mut input = BytesMut::from(*piece);
            while let Some(part) = decoder.decode(&mut input).unwrap() {
                match part {
                    Part::Stream {
                        record_type,
                        request_id,
                        content,
                    } => {
                        add(Part::Stream {
                            record_type,
                            request_id,
                            content: &content,
                        });
                    }
                    Part::Begin { request_id, body } => add(Part::Begin { request_id, body }),
                    Part::End { request_id, body } => add(Part::End { request_id, body }),
                    Part::StreamEnd {
                        record_type,
                        request_id,
                    } => {
                        add(Part::StreamEnd {
                            record_type,
                            request_id,
                        });
                    }
                    Part::Unknown {
                        record_type,
                        request_id,
                    } => {
                        add(Part::Unknown {
                            record_type,
                            request_id,
                        });
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert!(input.is_empty());
        }
    }
    assert!(decoder.is_at_boundary());
    seen
}

/// Records of an application, or of a web server, that a decoder accepts.
fn any_record() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (
            prop::sample::select(vec![PARAMS, STDIN, STDOUT, STDERR, 8, 42]),
            1..4_u16,
            vec(any::<u8>(), 0..300),
            any::<u8>()
        )
            .prop_map(|(record_type, id, content, padding)| padded(
                record_type,
                id,
                &content,
                padding
            )),
        (1..4_u16, any::<u16>(), any::<u8>()).prop_map(|(id, role, flags)| begin(id, role, flags)),
        (1..4_u16, any::<u32>(), any::<u8>()).prop_map(|(id, app, status)| end(id, app, status)),
    ]
}

/// The body of request 1 as an application receives it: params, body and
/// what its length came to.
fn served(pieces: &[&[u8]]) -> (Params, Vec<u8>, Option<LengthCheck>) {
    let mut config = server::Config::default();
    config.limits.params_bytes = 1 << 20;
    let mut connection = server::Connection::new(config);
    let mut input = BytesMut::new();
    let (mut all, mut body, mut check) = (Params::default(), Vec::new(), None);
    for piece in pieces {
        input.extend_from_slice(piece);
        while let Some(event) = connection.handle_input(&mut input).unwrap() {
            match event {
                server::Event::Request { params, .. } => all = params,
                server::Event::Stdin { content, .. } => body.extend_from_slice(&content),
                server::Event::StdinEnd { check: end, .. } => check = Some(end),
                other => panic!("{other:?}"),
            }
        }
    }
    (all, body, check)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn pairs_are_read_as_they_were_written(list in pair_list()) {
        let params = Params::from_pairs(list.iter().map(|(n, v)| (n, v))).unwrap();
        prop_assert_eq!(&params.as_encoded()[..], &encoded(&list)[..]);
        let read: Result<Vec<_>, _> = ParamsIter::new(params.as_encoded()).collect();
        let read: Vec<Pair> = read
            .unwrap()
            .into_iter()
            .map(|(n, v)| (n.to_vec(), v.to_vec()))
            .collect();
        prop_assert_eq!(read, list);
        prop_assert_eq!(params.check_nul(), Ok(()));
    }

    #[test]
    fn a_nul_anywhere_is_found_and_leaves_no_bytes(
        mut list in vec((text(), vec(1..=u8::MAX, 1..200)), 1..40),
        at: Index,
        place: Index,
        before in vec(any::<u8>(), 0..20),
    ) {
        let index = at.index(list.len());
        let value = &mut list[index].1;
        let place = place.index(value.len());
        value[place] = 0;
        let mut out = before.clone();
        let mut encoder = ParamsEncoder::records(&mut out, 1);
        let pushed = list.iter().try_for_each(|(n, v)| encoder.push(n, v));
        let outcome = pushed.and_then(|()| encoder.finish());
        prop_assert_eq!(outcome, Err(ParamError::Nul { index }));
        prop_assert_eq!(out, before);
        let raw = Bytes::from(encoded(&list));
        let found = Params::from_encoded(raw).unwrap().check_nul();
        prop_assert_eq!(found, Err(ParamError::Nul { index }));
    }

    #[test]
    fn bytes_that_are_no_pairs_never_panic(content in vec(any::<u8>(), 0..60)) {
        let mut errors = 0;
        for pair in ParamsIter::new(&content) {
            errors += usize::from(pair.is_err());
        }
        prop_assert!(errors <= 1);
    }

    #[test]
    fn reads_may_cut_records_anywhere(records in vec(any_record(), 0..12), cuts in cuts()) {
        let wire = records.concat();
        let whole = decoded(&[&wire], false);
        let cut = pieces(&wire, &cuts);
        prop_assert_eq!(&decoded(&cut, false), &whole);
        prop_assert_eq!(&decoded(&cut, true), &whole);
    }

    #[test]
    fn any_bytes_give_parts_or_one_error_for_good(wire in vec(any::<u8>(), 0..200)) {
        let mut decoder = RecordDecoder::new();
        let mut input = BytesMut::from(&wire[..]);
        while let Ok(Some(_)) = decoder.decode(&mut input) {}
        if let Err(error) = decoder.decode(&mut input) {
            let mut good = BytesMut::from(&record(STDOUT, 1, b"x")[..]);
            prop_assert_eq!(decoder.decode(&mut good), Err(error));
        }
    }

    #[test]
    fn a_naive_reader_understands_requests(
        list in pair_list(),
        body in vec(any::<u8>(), 0..5000),
        max_content in 3100..9000_u16,
        pad: bool,
    ) {
        let len = body.len().to_string();
        let mut all: Vec<Pair> = list;
        all.retain(|(name, _)| name != b"CONTENT_LENGTH");
        all.push((b"CONTENT_LENGTH".to_vec(), len.into_bytes()));
        let mut config = client::Config::default();
        (config.max_content, config.pad) = (max_content, pad);
        config.pair_split = PairSplit::Allow;
        let mut connection = client::Connection::new(config);
        let exact = BodyLen::Exact(body.len() as u64);
        let request = connection
            .begin_with::<BeginError>(Role::RESPONDER, exact, |encoder| {
                Ok(all.iter().try_for_each(|(n, v)| encoder.push(n, v))?)
            })
            .unwrap();
        connection.send(request, Bytes::from(body.clone())).unwrap();
        connection.finish(request).unwrap();
        let records = read_records(&drain(connection.outgoing()));
        for record in &records {
            prop_assert!(record.content.len() <= usize::from(max_content));
            prop_assert!(!record.content.is_empty() || record.padding == 0);
            let aligned = (record.content.len() + usize::from(record.padding)) % 8 == 0;
            prop_assert!(aligned || !pad);
        }
        let content = |wanted: u8| -> Vec<u8> {
            let of_type = records.iter().filter(|record| record.record_type == wanted);
            of_type.flat_map(|record| record.content.clone()).collect()
        };
        let ends = |wanted: u8| {
            let of_type = |record: &&support::Seen| record.record_type == wanted;
            records.iter().filter(of_type).filter(|record| record.content.is_empty()).count()
        };
        prop_assert_eq!(content(PARAMS), encoded(&all));
        prop_assert_eq!(content(STDIN), body);
        prop_assert_eq!((ends(PARAMS), ends(STDIN)), (1, 1));
    }

    #[test]
    fn requests_survive_any_record_and_read_cuts(
        list in pair_list(),
        body in vec(any::<u8>(), 0..2000),
        record_cuts in cuts(),
        read_cuts in cuts(),
        padding: u8,
    ) {
        let mut list = list;
        list.retain(|(name, _)| name != b"CONTENT_LENGTH");
        let len = body.len().to_string().into_bytes();
        list.push((b"CONTENT_LENGTH".to_vec(), len));
        let content = encoded(&list);
        let mut wire = begin(1, 1, 1);
        for (record_type, content) in [(PARAMS, &content), (STDIN, &body)] {
            for piece in pieces(content, &record_cuts).into_iter().filter(|p| !p.is_empty()) {
                wire.extend(padded(record_type, 1, piece, padding));
            }
            wire.extend(record(record_type, 1, b""));
        }
        let (params, received, check) = served(&pieces(&wire, &read_cuts));
        prop_assert_eq!(&params.as_encoded()[..], &content[..]);
        prop_assert_eq!(received, body);
        prop_assert_eq!(check, Some(LengthCheck::Exact));
    }

    #[test]
    fn both_sides_understand_each_other(
        list in pair_list(),
        body in vec(any::<u8>(), 0..3000),
        output in vec(any::<u8>(), 0..3000),
        cuts in cuts(),
    ) {
        let mut list = list;
        list.retain(|(name, _)| name != b"CONTENT_LENGTH");
        list.push((b"CONTENT_LENGTH".to_vec(), body.len().to_string().into_bytes()));
        let params = Params::from_pairs(list.iter().map(|(n, v)| (n, v))).unwrap();
        let mut near = client::Connection::new(client::Config::default());
        let exact = BodyLen::Exact(body.len() as u64);
        let request = near.begin(Role::RESPONDER, &params, exact).unwrap();
        near.send(request, Bytes::from(body.clone())).unwrap();
        near.finish(request).unwrap();
        let wire = drain(near.outgoing());
        let (seen, received, _) = served(&pieces(&wire, &cuts));
        prop_assert_eq!(seen, params);
        prop_assert_eq!(received, body);

        let mut far = server::Connection::new(server::Config::default());
        let mut input = BytesMut::from(&wire[..]);
        let Some(server::Event::Request { request: id, .. }) = far.handle_input(&mut input).unwrap()
        else {
            panic!("no request")
        };
        far.stdout(id, Bytes::from(output.clone())).unwrap();
        far.end(id, 3).unwrap();
        let wire = drain(far.outgoing());
        let mut input = BytesMut::new();
        let (mut answer, mut status) = (Vec::new(), None);
        for piece in pieces(&wire, &cuts) {
            input.extend_from_slice(piece);
            while let Some(event) = near.handle_input(&mut input).unwrap() {
                match event {
                    client::Event::Stdout { content, .. } => answer.extend_from_slice(&content),
                    client::Event::End { app_status, .. } => status = Some(app_status),
                    _ => {}
                }
            }
        }
        prop_assert_eq!(answer, output);
        prop_assert_eq!(status, Some(3));
        prop_assert_eq!(near.reuse(), client::Reuse::Ready);
    }
}
