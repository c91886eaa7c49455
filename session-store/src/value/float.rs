//! PHP's text form of floats (`serialize_precision = -1`).

/// Writes a float as `serialize()` does: the shortest digits that read back
/// to the same number, laid out like C's `%.17G`.
pub(crate) fn write_float(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NAN");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value.is_infinite() {
        return out.extend_from_slice(b"INF");
    }
    if value == 0.0 {
        return out.push(b'0');
    }
    let text = shortest(value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let digits: Vec<u8> = mantissa.bytes().filter(|byte| *byte != b'.').collect();
    if (-4..PRECISION).contains(&exponent) {
        write_plain(&digits, exponent, out);
    } else {
        write_scientific(&digits, exponent, out);
    }
}

/// The shortest digits as `d.ddde-7` or `de21`.
///
/// Where two shortest texts are equally near, Rust takes the upper one and
/// `zend_dtoa` the even one, as exact formatting does.
fn shortest(value: f64) -> String {
    let text = format!("{value:e}");
    let digits = text
        .bytes()
        .take_while(|byte| *byte != b'e')
        .filter(u8::is_ascii_digit)
        .count();
    let even = format!("{value:.*e}", digits - 1);
    if even.parse() == Ok(value) {
        even
    } else {
        text
    }
}

/// `zend_gcvt` switches to an exponent when it is below -4 or not below 17.
const PRECISION: i32 = 17;

fn write_plain(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    let Ok(whole) = usize::try_from(exponent) else {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(
            b'0',
            exponent.unsigned_abs() as usize - 1,
        ));
        return out.extend_from_slice(digits);
    };
    for place in 0..=whole {
        out.push(digits.get(place).copied().unwrap_or(b'0'));
    }
    if digits.len() > whole + 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[whole + 1..]);
    }
}

fn write_scientific(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    out.push(digits[0]);
    out.push(b'.');
    // PHP writes `1.0E+25`, never `1E+25`.
    out.extend_from_slice(if digits.len() > 1 { &digits[1..] } else { b"0" });
    out.push(b'E');
    out.push(if exponent < 0 { b'-' } else { b'+' });
    out.extend_from_slice(exponent.unsigned_abs().to_string().as_bytes());
}

/// Reads the text between `d:` and `;` as `unserialize()` does.
pub(crate) fn parse_float(text: &[u8]) -> Option<f64> {
    match text {
        b"NAN" => return Some(f64::NAN),
        b"INF" => return Some(f64::INFINITY),
        b"-INF" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    // `parse` takes words such as "infinity" too; PHP takes digits only.
    let plain = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    if !text.iter().all(plain) || !text.iter().any(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_laid_out_as_php_does() {
        let cases = [
            (1.0, "1"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000"),
            (1e16, "10000000000000000"),
            (1e17, "1.0E+17"),
            (1e-4, "0.0001"),
            (1.5e-4, "0.00015"),
            (1e-5, "1.0E-5"),
            (1.0 / 3.0, "0.3333333333333333"),
            (123_456_789_012_345_678.0, "1.2345678901234568E+17"),
            (12_345.678, "12345.678"),
            (-1.5e300, "-1.5E+300"),
            // Half-way between two shortest texts.
            (5_812_580_858_947_369.0 / 4.0, "1453145214736842.2"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (5e-324, "5.0E-324"),
            (f64::INFINITY, "INF"),
            (f64::NEG_INFINITY, "-INF"),
            (f64::NAN, "NAN"),
        ];
        for (value, wanted) in cases {
            let mut out = Vec::new();
            write_float(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
            let back = parse_float(wanted.as_bytes()).unwrap();
            assert!(back.to_bits() == value.to_bits() || back.is_nan() && value.is_nan());
        }
    }

    #[test]
    fn reader_takes_what_php_takes() {
        for (text, wanted) in [
            (".5", 0.5),
            ("1e5", 1e5),
            ("7", 7.0),
            ("+1.5", 1.5),
            ("1.", 1.0),
        ] {
            assert_eq!(parse_float(text.as_bytes()), Some(wanted));
        }
        for text in [
            "", "-", "inf", "nan", "infinity", "0x10", "1_0", "e", "1e", " 1",
        ] {
            assert_eq!(parse_float(text.as_bytes()), None, "{text}");
        }
    }
}
