//! What the pieces of a value mean: constants, variables, escapes, operators.

/// What a value may refer to while it is read.
pub(crate) trait Names {
    /// The text of the PHP constant `name`.
    fn constant(&self, name: &[u8]) -> Option<Vec<u8>>;
    /// The value of `${name}`: of php.ini, else of the environment.
    fn variable(&self, name: &[u8]) -> Option<Vec<u8>>;
}

/// Knows no constant and no variable: for reading the structure alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoNames;

impl Names for NoNames {
    fn constant(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn variable(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// Text inside double quotes without its escapes: `\"`, `\\` and `\$` lose
/// the backslash, every other one stays.
pub(crate) fn unescape(text: &[u8], into: &mut Vec<u8>) {
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\\'
            && let Some(escaped) = bytes.next_if(|next| b"\"\\$".contains(next))
        {
            into.push(escaped);
        } else {
            into.push(byte);
            // The byte behind a kept backslash is never an escape itself.
            if byte == b'\\'
                && let Some(next) = bytes.next()
            {
                into.push(next);
            }
        }
    }
}

/// C's `atoi`: blanks, a sign, digits; the rest is ignored. Saturates as
/// `strtol` does, then keeps the low 32 bits.
pub(crate) fn atoi(text: &[u8]) -> i32 {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte));
    let text = &text[start.unwrap_or(text.len())..];
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let mut number: i64 = 0;
    for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        let digit = i64::from(digit - b'0');
        let signed = if negative { -digit } else { digit };
        let next = number.checked_mul(10).and_then(|n| n.checked_add(signed));
        number = match next {
            Some(next) => next,
            None if negative => i64::MIN,
            None => i64::MAX,
        };
        if next.is_none() {
            break;
        }
    }
    wrap(number)
}

#[expect(clippy::cast_possible_truncation, reason = "as C converts long to int")]
const fn wrap(number: i64) -> i32 {
    number as i32
}

/// `left operator right`, as text.
pub(crate) fn binary(operator: u8, left: i32, right: &[u8]) -> Vec<u8> {
    let right = atoi(right);
    let result = match operator {
        b'|' => left | right,
        b'&' => left & right,
        _ => left ^ right,
    };
    result.to_string().into_bytes()
}

/// `~operand` or `!operand`, as text.
pub(crate) fn unary(operator: u8, operand: &[u8]) -> Vec<u8> {
    let operand = atoi(operand);
    let result = match operator {
        b'~' => !operand,
        _ => i32::from(operand == 0),
    };
    result.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(text: &str) -> String {
        let mut out = Vec::new();
        unescape(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_quote_backslash_and_dollar_are_escapes() {
        assert_eq!(unescaped(r#"a\"b\\c\$d\ne\"#), r#"a"b\c$d\ne\"#);
        assert_eq!(unescaped(r"\n\\"), r"\n\");
    }

    #[test]
    fn atoi_reads_what_c_reads() {
        for (text, number) in [
            ("12abc", 12),
            (" -7", -7),
            ("", 0),
            ("-", 0),
            ("2147483648", i32::MIN),
            ("99999999999999999999", -1),
            ("-99999999999999999999", 0),
        ] {
            assert_eq!(atoi(text.as_bytes()), number, "{text}");
        }
    }
}
