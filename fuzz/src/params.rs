//! Name-value pairs: read, held, written.

use bytes::{Bytes, BytesMut};
use fastcgi_proto::{
    PairError, ParamError, Params, ParamsEncoder, ParamsIter, Part, RecordDecoder, RecordType,
};

type Pair<'a> = (&'a [u8], &'a [u8]);

/// The iterator agrees with a naive reader; pairs that are written come back,
/// alone and through records.
pub fn params(data: &[u8]) {
    let read: Result<Vec<Pair<'_>>, PairError> = ParamsIter::new(data).collect();
    assert_eq!(read.as_ref().ok(), naive(data).as_ref(), "naive reader");
    let held = Params::from_encoded(Bytes::copy_from_slice(data));
    assert_eq!(held.is_ok(), read.is_ok());
    let Ok(pairs) = read else {
        return;
    };
    if let Ok(held) = held {
        assert_eq!(held.iter().collect::<Vec<_>>(), pairs);
        // Whatever it answers, it must not panic.
        let _ = (held.content_length(), held.data_length());
        for (name, _) in &pairs {
            let last = pairs.iter().rev().find(|(other, _)| other == name);
            assert_eq!(held.get(name), last.map(|(_, value)| *value));
        }
    }
    assert_written(&pairs);
}

fn assert_written(pairs: &[Pair<'_>]) {
    let nul = pairs
        .iter()
        .position(|(name, value)| name.contains(&0) || value.contains(&0));
    let mut alone = vec![1, 2, 3];
    match (write(ParamsEncoder::pairs(&mut alone), pairs), nul) {
        (Ok(()), None) => {
            let back: Result<Vec<Pair<'_>>, PairError> = ParamsIter::new(&alone[3..]).collect();
            assert_eq!(back.as_deref(), Ok(pairs));
        }
        (Err(ParamError::Nul { index }), Some(first)) => {
            assert_eq!(index, first);
            assert_eq!(alone, [1, 2, 3], "a refused request leaves nothing");
        }
        (result, nul) => panic!("{result:?} with the first NUL in pair {nul:?}"),
    }
    let mut records = Vec::new();
    if write(ParamsEncoder::records(&mut records, 1), pairs).is_ok() {
        let content = content(&records);
        let back: Result<Vec<Pair<'_>>, PairError> = ParamsIter::new(&content).collect();
        assert_eq!(back.as_deref(), Ok(pairs));
    }
}

fn write(mut encoder: ParamsEncoder<'_>, pairs: &[Pair<'_>]) -> Result<(), ParamError> {
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at % 2 == 0 {
            encoder.push(name, value)?;
        } else {
            encoder.push_with(name.len(), value.len(), |to_name, to_value| {
                to_name.copy_from_slice(name);
                to_value.copy_from_slice(value);
            })?;
        }
    }
    encoder.finish()
}

/// The content of one complete `PARAMS` stream, each record of which must
/// hold whole pairs.
fn content(records: &[u8]) -> Vec<u8> {
    let mut decoder = RecordDecoder::new();
    let mut input = BytesMut::from(records);
    let mut all = Vec::new();
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(Part::Stream { content, .. })) => {
                let whole = ParamsIter::new(&content).all(|pair| pair.is_ok());
                assert!(whole, "a record ends inside a pair");
                all.extend_from_slice(&content);
            }
            Ok(Some(Part::StreamEnd { record_type, .. })) => {
                assert_eq!(record_type, RecordType::PARAMS);
                assert!(input.is_empty(), "padding behind the terminator");
                return all;
            }
            other => panic!("PARAMS of our own decode as {other:?}"),
        }
    }
}

/// FastCGI 1.0, section 3.4, in its plainest form.
fn naive(mut data: &[u8]) -> Option<Vec<Pair<'_>>> {
    fn length(data: &mut &[u8]) -> Option<usize> {
        let (&first, rest) = data.split_first()?;
        if first < 0x80 {
            *data = rest;
            return Some(usize::from(first));
        }
        let (four, rest) = data.split_at_checked(4)?;
        *data = rest;
        let announced = u32::from_be_bytes([four[0] & 0x7f, four[1], four[2], four[3]]);
        usize::try_from(announced).ok()
    }
    let mut pairs = Vec::new();
    while !data.is_empty() {
        let (name_len, value_len) = (length(&mut data)?, length(&mut data)?);
        let (name, rest) = data.split_at_checked(name_len)?;
        let (value, rest) = rest.split_at_checked(value_len)?;
        pairs.push((name, value));
        data = rest;
    }
    Some(pairs)
}
