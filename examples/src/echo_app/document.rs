//! The document that describes a request.

use fastcgi_proto::{Params, Role};
use sha2::{Digest, Sha256};

/// What a request's streams held, counted as they pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    stdin_len: u64,
    stdin_hash: Sha256,
    data_len: u64,
}

impl Counted {
    pub(super) fn stdin(&mut self, content: &[u8]) {
        self.stdin_len += content.len() as u64;
        self.stdin_hash.update(content);
    }

    pub(super) fn data(&mut self, content: &[u8]) {
        self.data_len += content.len() as u64;
    }
}

/// The document, which is JSON: bytes that are not UTF-8 become `\u00XX`.
pub(super) fn document(role: Role, params: &Params, input: Counted) -> String {
    let mut json = format!("{{\"role\":\"{}\",\"params\":[", role_name(role));
    for (at, (name, value)) in params.iter().enumerate() {
        json.push_str(if at == 0 { "[" } else { ",[" });
        push_string(&mut json, name);
        json.push(',');
        push_string(&mut json, value);
        json.push(']');
    }
    let hash = input.stdin_hash.finalize();
    json.push_str(&format!(
        "],\"stdin_len\":{},\"stdin_sha256\":\"{hash:x}\",\"data_len\":{}}}",
        input.stdin_len, input.data_len
    ));
    json
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::RESPONDER => "responder",
        Role::AUTHORIZER => "authorizer",
        Role::FILTER => "filter",
        _ => "unknown",
    }
}

/// Appends `bytes` as a JSON string.
fn push_string(json: &mut String, bytes: &[u8]) {
    json.push('"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                '\0'..' ' | '\x7f' => json.push_str(&format!("\\u{:04x}", u32::from(character))),
                _ => json.push(character),
            }
        }
        for byte in chunk.invalid() {
            json.push_str(&format!("\\u{byte:04x}"));
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_says_what_came() {
        let params = Params::from_pairs([
            (&b"A"[..], &b"x\"\\\n\xff\xc3\xa9"[..]),
            (b"A", b""),
            (b"\xe9", b"\x7f"),
        ])
        .unwrap();
        let mut input = Counted::default();
        input.stdin(b"ab");
        input.stdin(b"c");
        input.data(b"1234");
        assert_eq!(
            document(Role::FILTER, &params, input),
            "{\"role\":\"filter\",\"params\":[[\"A\",\"x\\\"\\\\\\u000a\\u00ff\u{e9}\"],\
             [\"A\",\"\"],[\"\\u00e9\",\"\\u007f\"]],\"stdin_len\":3,\"stdin_sha256\":\
             \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"data_len\":4}"
        );
    }
}
