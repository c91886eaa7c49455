//! Lengths of what the scanner's rules match at the start of some bytes.

use super::scanner::Dialect;
use super::token::Kind;

/// How far a rule matches that may reach the end of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    None,
    Len(usize),
    /// It would go on behind the last byte.
    PastEnd,
}

pub(super) fn blanks(bytes: &[u8]) -> usize {
    run(bytes, |byte| byte == b' ' || byte == b'\t')
}

/// Without blanks and newlines at the end.
pub(super) fn trim_end(bytes: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let len = bytes.iter().rposition(|byte| !is_space(byte));
    &bytes[..len.map_or(0, |last| last + 1)]
}

/// One newline: `\r\n`, `\r` or `\n`.
pub(super) fn newline(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// How many lines PHP counts in quoted text.
pub(super) fn newlines(bytes: &[u8]) -> u32 {
    let mut count = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let alone = byte == b'\r' && bytes.get(at + 1) != Some(&b'\n');
        count += u32::from(byte == b'\n' || alone);
    }
    count
}

/// Bytes of a name. A tab ends it, a blank does not.
pub(super) fn label(bytes: &[u8], dialect: Dialect) -> usize {
    let is_new = dialect == Dialect::Since83;
    run(bytes, |byte| match byte {
        b'=' | b'\n' | b'\r' | b'\t' | b';' | b'&' | b'|' | b'^' | b'$' | b'~' | b'(' | b')'
        | b'{' | b'}' | b'!' | b'"' | b'[' => false,
        b']' | 0 => !is_new,
        _ => true,
    })
}

pub(super) fn constant(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {
            run(bytes, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
        }
        _ => 0,
    }
}

/// `-?` and digits, with one point at most.
pub(super) fn number(bytes: &[u8]) -> usize {
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let whole = run(&bytes[sign..], |byte| byte.is_ascii_digit());
    let point = sign + whole;
    let mut len = if whole > 0 { point } else { 0 };
    if bytes.get(point) == Some(&b'.') {
        let fraction = run(&bytes[point + 1..], |byte| byte.is_ascii_digit());
        if whole + fraction > 0 {
            len = point + 1 + fraction;
        }
    }
    len
}

/// A keyword of any case and the blanks behind it.
pub(super) fn keyword(bytes: &[u8]) -> Option<(Kind, usize)> {
    const KEYWORDS: [(&[u8], Kind); 8] = [
        (b"true", Kind::True),
        (b"on", Kind::True),
        (b"yes", Kind::True),
        (b"false", Kind::False),
        (b"off", Kind::False),
        (b"none", Kind::False),
        (b"no", Kind::False),
        (b"null", Kind::Null),
    ];
    if !matches!(
        bytes.first()?.to_ascii_lowercase(),
        b't' | b'o' | b'y' | b'f' | b'n'
    ) {
        return None;
    }
    let (word, kind) = KEYWORDS.into_iter().find(|(word, _)| {
        let start = bytes.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    })?;
    Some((kind, word.len() + blanks(&bytes[word.len()..])))
}

pub(super) fn is_operator(byte: u8) -> bool {
    b"&|^~()!".contains(&byte)
}

/// Characters that are tokens of their own outside values.
pub(super) fn is_token(byte: u8) -> bool {
    b"]\"()&|^%$!~{}".contains(&byte)
}

/// `'…'` with at least one byte inside.
pub(super) fn single_quoted(bytes: &[u8]) -> Match {
    match bytes[1..].iter().position(|&byte| byte == b'\'') {
        Some(0) => Match::None,
        Some(len) => Match::Len(len + 2),
        None => Match::PastEnd,
    }
}

/// Text of a value. A `$` takes the byte behind it along, whatever it is
/// (but `{`), and `$\` may take two.
pub(super) fn value_chars(bytes: &[u8]) -> usize {
    let plain = |byte| {
        !matches!(
            byte,
            b'$' | b'='
                | b' '
                | b'\t'
                | b'\n'
                | b'\r'
                | b';'
                | b'&'
                | b'|'
                | b'^'
                | b'~'
                | b'('
                | b')'
                | b'!'
                | b'"'
                | b'\''
                | 0
        )
    };
    let (mut whole, mut dollar, mut escape) = (true, false, false);
    let mut accepted = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let next_whole = (whole && plain(byte)) || (dollar && byte != b'{' && byte != 0) || escape;
        let next_dollar = whole && byte == b'$';
        escape = dollar && byte == b'\\';
        (whole, dollar) = (next_whole, next_dollar);
        if whole {
            accepted = at + 1;
        } else if !dollar {
            break;
        }
    }
    accepted
}

/// Text of a section name or an offset.
pub(super) fn section_chars(bytes: &[u8]) -> Match {
    escaped_text(bytes, b"$\n\r;\"']\\")
}

/// Text of the default in `${NAME:-default}`.
pub(super) fn fallback_chars(bytes: &[u8]) -> Match {
    escaped_text(bytes, b"$\n\r;\"'}\\")
}

/// Bytes not in `special`; `\` and `$` (not `${`) take the next byte along.
fn escaped_text(bytes: &[u8], special: &[u8]) -> Match {
    let (mut whole, mut dollar, mut slash, mut escape) = (true, false, false, false);
    let mut accepted = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let next_whole = (whole && !special.contains(&byte))
            || (dollar && byte != b'{' && byte != 0)
            || slash
            || escape;
        let next_dollar = whole && byte == b'$';
        let next_slash = whole && byte == b'\\';
        escape = dollar && byte == b'\\';
        (whole, dollar, slash) = (next_whole, next_dollar, next_slash);
        if whole {
            accepted = at + 1;
        } else if !dollar && !slash {
            break;
        }
        if at + 1 == bytes.len() {
            return Match::PastEnd;
        }
    }
    match accepted {
        0 => Match::None,
        len => Match::Len(len),
    }
}

/// Text inside double quotes: up to `"`, `${` or the end.
pub(super) fn quoted(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => break,
            b'$' if bytes.get(at + 1) == Some(&b'{') => break,
            b'\\' => {
                // `"C:\dir\"` at the end of a line: the quote closes.
                let closes = bytes.get(at + 1) == Some(&b'"')
                    && matches!(bytes.get(at + 2), None | Some(b'\n' | b'\r'));
                at += if closes { 1 } else { 2 };
            }
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}

fn run(bytes: &[u8], matches: impl Fn(u8) -> bool) -> usize {
    let end = bytes.iter().position(|&byte| !matches(byte));
    end.unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_point_at_most() {
        for (text, len) in [
            ("12", 2),
            ("-1.", 3),
            (".5x", 2),
            ("-", 0),
            ("1.2.3", 3),
            (".", 0),
        ] {
            assert_eq!(number(text.as_bytes()), len, "{text}");
        }
    }

    #[test]
    fn a_dollar_takes_the_next_byte_along() {
        assert_eq!(value_chars(b"a$;b c"), 4);
        assert_eq!(value_chars(b"a${b}"), 1);
        assert_eq!(value_chars(b"$\\\"x y"), 4);
    }

    #[test]
    fn a_quote_at_the_end_of_the_line_closes_after_a_backslash() {
        assert_eq!(quoted(b"x\\\"\n"), 2);
        assert_eq!(quoted(b"x\\\"y\""), 4);
        assert_eq!(quoted(b"x\\\\\"y"), 3);
    }
}
