//! Keys of arrays and properties.

use std::fmt;

use bytes::Bytes;

/// A key of an array, or the name of a property.
///
/// PHP's arrays know integers and byte strings only. Names of protected and
/// private properties stay mangled, as PHP stores them: `\0*\0name` and
/// `\0Class\0name`.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[allow(
    clippy::exhaustive_enums,
    reason = "PHP has these two kinds of key and no other"
)]
pub enum Key {
    /// An integer key.
    Int(i64),
    /// A string key; any bytes.
    Str(Bytes),
}

impl Key {
    /// The key PHP uses for `$array[$name]`: canonical decimal integers
    /// (`5`, `-3`, not `05` or `-0`) become [`Key::Int`].
    ///
    /// # Examples
    ///
    /// ```
    /// use session_store::Key;
    ///
    /// assert_eq!(Key::symbol("5"), Key::Int(5));
    /// assert_eq!(Key::symbol("05"), Key::Str("05".into()));
    /// ```
    #[must_use]
    pub fn symbol(name: impl Into<Bytes>) -> Self {
        let name = name.into();
        canonical_int(&name).map_or(Self::Str(name), Self::Int)
    }

    /// The bytes of a string key.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Int(_) => None,
            Self::Str(name) => Some(name),
        }
    }

    /// A property's own name, without the marks of protected and private:
    /// `name` for `\0*\0name` and `\0Class\0name`.
    #[must_use]
    pub fn unmangled(&self) -> Option<&[u8]> {
        let name = self.as_bytes()?;
        match name.strip_prefix(b"\0") {
            Some(rest) => {
                let end = rest.iter().position(|&byte| byte == 0)?;
                rest.get(end + 1..)
            }
            None => Some(name),
        }
    }
}

/// Reads what PHP's `ZEND_HANDLE_NUMERIC` reads: no sign but `-`, no leading
/// zero, not `-0`, within `i64` (its minimum excepted).
fn canonical_int(name: &[u8]) -> Option<i64> {
    let digits = name.strip_prefix(b"-").unwrap_or(name);
    let leading_zero = digits.first() == Some(&b'0') && name.len() > 1;
    if digits.is_empty()
        || digits.len() > 19
        || leading_zero
        || !digits.iter().all(u8::is_ascii_digit)
    {
        return None;
    }
    let value = std::str::from_utf8(name).ok()?.parse().ok()?;
    (value != i64::MIN).then_some(value)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Str(name) => write!(f, "\"{}\"", name.escape_ascii()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Str(name) => write!(f, "{}", name.escape_ascii()),
        }
    }
}

impl From<i64> for Key {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self::Str(Bytes::copy_from_slice(name.as_bytes()))
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self::Str(name.into())
    }
}

impl From<Bytes> for Key {
    fn from(name: Bytes) -> Self {
        Self::Str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_names_become_integers_as_in_php() {
        let ints = [
            "0",
            "5",
            "-3",
            "9223372036854775807",
            "-9223372036854775807",
        ];
        for name in ints {
            assert_eq!(Key::symbol(name), Key::Int(name.parse().unwrap()));
        }
        let texts = [
            "",
            "-",
            "05",
            "-0",
            "+5",
            "5 ",
            "1e3",
            "9223372036854775808",
            "-9223372036854775808",
        ];
        for name in texts {
            assert_eq!(Key::symbol(name), Key::from(name));
        }
    }

    #[test]
    fn unmangled_names_lose_their_marks() {
        let name = |bytes: &'static [u8]| {
            Key::Str(Bytes::from_static(bytes))
                .unmangled()
                .map(<[u8]>::to_vec)
        };
        assert_eq!(name(b"plain").unwrap(), b"plain");
        assert_eq!(name(b"\0*\0prot").unwrap(), b"prot");
        assert_eq!(name(b"\0Some\\Class\0priv").unwrap(), b"priv");
        assert_eq!(name(b"\0broken"), None);
        assert_eq!(name(b"").unwrap(), b"");
    }
}
