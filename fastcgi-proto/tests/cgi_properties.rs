//! What holds for any request and any path.

use bytes::Bytes;
use fastcgi_proto::cgi::{EnvPolicy, EnvWriter, HeadParser, HeadPolicy, Push, split_path};
use fastcgi_proto::{Params, ParamsEncoder};
use proptest::prelude::*;

type Fields = Vec<(String, String)>;

/// Names that collide, in several spellings, next to harmless ones.
fn fields() -> impl Strategy<Value = Fields> {
    let name = prop_oneof![
        "(?i)(proxy|cookie|content-length|content-type|connection|te|authorization)",
        "(?i)(x-real|x_real|x.real|accept)",
        "[A-Za-z0-9_.!-]{0,8}",
    ];
    prop::collection::vec((name, "[ -~\t]{0,12}"), 0..24)
}

fn env(fields: &Fields) -> Params {
    let fields: Vec<(&[u8], &[u8])> = fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    let policy = EnvPolicy::default();
    let mut raw = Vec::new();
    let mut params = ParamsEncoder::pairs(&mut raw);
    let mut env = EnvWriter::new(&mut params, &policy);
    env.fields(&fields).unwrap();
    env.finish().unwrap();
    params.finish().unwrap();
    Params::from_encoded(raw.into()).unwrap()
}

/// The same by the plainest means: a list, and strings.
fn expected(fields: &Fields) -> Fields {
    let dropped = [
        "proxy",
        "content-length",
        "connection",
        "te",
        "keep-alive",
        "trailer",
        "upgrade",
    ];
    let mut variables = Fields::new();
    for (name, value) in fields {
        let lower = name.to_ascii_lowercase();
        let safe = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if lower.is_empty() || !lower.chars().all(safe) || dropped.contains(&&lower[..]) {
            continue;
        }
        let variable = match &lower[..] {
            "content-type" => "CONTENT_TYPE".to_owned(),
            _ => format!("HTTP_{}", lower.to_ascii_uppercase().replace('-', "_")),
        };
        let known = variables.iter_mut().find(|(known, _)| *known == variable);
        match known {
            None => variables.push((variable, value.clone())),
            Some(_) if lower == "content-type" => {}
            Some((_, all)) => {
                all.push_str(if lower == "cookie" { "; " } else { ", " });
                all.push_str(value);
            }
        }
    }
    variables
}

proptest! {
    #[test]
    fn fields_become_the_variables_of_a_plain_model(fields in fields()) {
        let params = env(&fields);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let variables: Fields = params.iter().map(|(n, v)| (text(n), text(v))).collect();
        prop_assert_eq!(&variables, &expected(&fields));
        prop_assert_eq!(params.get("HTTP_PROXY"), None);
    }

    #[test]
    fn split_path_loses_no_byte(path in "(/|a|\\.php|\\.PHP|\\.phpx|\n|[^\0]){0,12}") {
        let suffixes: [&[u8]; 1] = [b".php"];
        if let Some(script) = split_path(path.as_bytes(), &suffixes).unwrap() {
            let info = script.path_info.unwrap_or_default();
            prop_assert_eq!([script.name, info].concat(), path.as_bytes());
            let end = script.name.len() - 4;
            prop_assert!(script.name[end..].eq_ignore_ascii_case(b".php"));
            prop_assert!(script.path_info.is_none_or(|info| info.starts_with(b"/")));
            // The shortest such name: no script in front of it.
            let is_script_end = |(at, &byte): (usize, &u8)| {
                byte == b'/' && script.name[..at].to_ascii_lowercase().ends_with(b".php")
            };
            let earlier = script.name[..end].iter().enumerate().any(is_script_end);
            prop_assert!(!earlier);
        }
    }

    #[test]
    fn body_check_admits_exactly_the_declared_length(
        declared in 0..40_u64,
        pieces in prop::collection::vec(0..12_usize, 0..8),
    ) {
        let wire = format!("Content-Length: {declared}\n\n");
        let mut parser = HeadParser::new(HeadPolicy::default());
        let Push::Final(head, _) = parser.push(Bytes::from(wire)).unwrap() else {
            panic!("the head is complete");
        };
        let mut check = head.body_check(false);
        let (mut admitted, mut excess) = (0_u64, 0_u64);
        for len in pieces.iter().copied() {
            let mut data = Bytes::from(vec![b'x'; len]);
            if let Err(too_much) = check.admit(&mut data) {
                excess += too_much.by as u64;
            }
            admitted += data.len() as u64;
        }
        let sent = pieces.iter().sum::<usize>() as u64;
        prop_assert_eq!(admitted, sent.min(declared));
        prop_assert_eq!(excess, sent.saturating_sub(declared));
        prop_assert_eq!(check.finish().is_ok(), sent >= declared);
    }
}
