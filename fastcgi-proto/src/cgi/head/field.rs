//! One line of a header block.

use core::ops::Range;

use memchr::memchr;

use super::HeadError;

/// Where name and value of a field are.
pub(super) struct Line {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// The fields that mean something to a gateway.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Known {
    Status,
    Location,
    ContentLength,
    ContentType,
    SendFile,
    AccelRedirect,
    /// About a connection, which CGI does not have.
    HopByHop,
    Other,
}

/// Splits the line at `range` of `raw` and checks both parts.
pub(super) fn split(raw: &[u8], range: Range<usize>, line: usize) -> Result<Line, HeadError> {
    let text = &raw[range.clone()];
    if let Some(b' ' | b'\t') = text.first() {
        return Err(HeadError::Folded { line });
    }
    let Some(colon) = memchr(b':', text) else {
        return Err(HeadError::NoColon { line });
    };
    let (name, value) = (&text[..colon], &text[colon + 1..]);
    if name.is_empty() || !name.iter().all(|&byte| TOKEN[usize::from(byte)]) {
        return Err(HeadError::BadName { line });
    }
    if has_control(value) {
        let byte = value.iter().copied().find(|&byte| is_control(byte));
        return Err(HeadError::BadValue {
            line,
            byte: byte.unwrap_or_default(),
        });
    }
    let colon = range.start + colon;
    Ok(Line {
        name: range.start..colon,
        value: trim(raw, colon + 1..range.end),
    })
}

/// Which field `name` is; the length settles most of them.
pub(super) fn known(name: &[u8]) -> Known {
    let (candidate, known): (&[u8], _) = match name.len() {
        2 => (b"te", Known::HopByHop),
        6 => (b"status", Known::Status),
        7 if matches!(name[0], b't' | b'T') => (b"trailer", Known::HopByHop),
        7 => (b"upgrade", Known::HopByHop),
        8 => (b"location", Known::Location),
        10 => match name[0] {
            b'c' | b'C' => (b"connection", Known::HopByHop),
            b'k' | b'K' => (b"keep-alive", Known::HopByHop),
            _ => (b"x-sendfile", Known::SendFile),
        },
        12 => (b"content-type", Known::ContentType),
        14 => (b"content-length", Known::ContentLength),
        16 if matches!(name[0], b'p' | b'P') => (b"proxy-connection", Known::HopByHop),
        16 => (b"x-accel-redirect", Known::AccelRedirect),
        17 => (b"transfer-encoding", Known::HopByHop),
        _ => return Known::Other,
    };
    if name.eq_ignore_ascii_case(candidate) {
        known
    } else {
        Known::Other
    }
}

/// `range` of `raw` without the spaces and tabs at both ends.
pub(super) fn trim(raw: &[u8], range: Range<usize>) -> Range<usize> {
    let blank = |&byte: &u8| matches!(byte, b' ' | b'\t');
    let text = &raw[range.clone()];
    let front = text.iter().take_while(|byte| blank(byte)).count();
    let back = text[front..]
        .iter()
        .rev()
        .take_while(|byte| blank(byte))
        .count();
    range.start + front..range.end - back
}

/// A plain decimal number below 2^64.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// Whether a byte of `text` is one that no value may hold; looks at all of
/// them, which is faster than to stop at the first.
pub(super) fn has_control(text: &[u8]) -> bool {
    text.iter()
        .fold(false, |found, &byte| found | is_control(byte))
}

/// A byte that no value may hold (RFC 9110, section 5.5).
const fn is_control(byte: u8) -> bool {
    // Without branches, so that it is done for many bytes at once.
    ((byte < b' ') & (byte != b'\t')) | (byte == 0x7f)
}

/// The bytes of a field name: `token` of RFC 9110, section 5.6.2.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_is_digits_that_fit() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"0018446744073709551615"), Some(u64::MAX));
        for bad in [
            &b""[..],
            b"5x",
            b"-5",
            b"+5",
            b"5 5",
            b"18446744073709551616",
        ] {
            assert_eq!(decimal(bad), None);
        }
    }

    #[test]
    fn known_fields_are_known_in_any_case() {
        assert!(known(b"STATUS") == Known::Status);
        assert!(known(b"trailer") == Known::HopByHop);
        assert!(known(b"Upgrade") == Known::HopByHop);
        assert!(known(b"X-SendFile") == Known::SendFile);
        assert!(known(b"Proxy-Connection") == Known::HopByHop);
        assert!(known(b"Location-") == Known::Other);
        assert!(known(b"Set-Cookie") == Known::Other);
    }
}
