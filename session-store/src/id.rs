//! Session ids: PHP's alphabet, PHP's generator, strict mode, hashing at rest.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// A session id: 1 to 256 bytes of `[A-Za-z0-9,-]`, as PHP's `files` handler
/// and `session_create_id()` accept them.
///
/// The id is the visitor's password for as long as the session lives, so
/// `Debug` shows a fingerprint only and there is no `Display`; write
/// [`SessionId::as_str`] where the id itself must go. Clones are cheap.
///
/// # Examples
///
/// ```
/// use session_store::SessionId;
///
/// let id = SessionId::generate()?;
/// assert_eq!(id.as_str().len(), 32);
/// assert!(!format!("{id:?}").contains(id.as_str()));
///
/// // PHP refuses `_`; so do we, before any backend is asked.
/// assert!(SessionId::parse("a_b").is_err());
/// # Ok::<(), session_store::IdError>(())
/// ```
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// The longest id PHP takes.
    pub const MAX_LEN: usize = 256;

    /// Checks an id that came from outside.
    ///
    /// # Errors
    ///
    /// [`IdError::Length`] for an empty id or one above 256 bytes,
    /// [`IdError::Character`] for a byte outside `[A-Za-z0-9,-]`. Treat the
    /// visitor as one without a cookie; PHP in strict mode does the same.
    pub fn parse(id: &str) -> Result<Self, IdError> {
        if id.is_empty() || id.len() > Self::MAX_LEN {
            return Err(IdError::Length { got: id.len() });
        }
        match id.bytes().position(|byte| !is_legal(byte)) {
            Some(at) => Err(IdError::Character { at }),
            None => Ok(Self(id.into())),
        }
    }

    /// Makes a new random id in PHP's built-in default form, 32 hex digits.
    ///
    /// # Errors
    ///
    /// [`IdError::Random`] if the system has no random bytes; answer 503.
    pub fn generate() -> Result<Self, IdError> {
        IdFormat::HEX32.generate()
    }

    /// The id itself, for a key or a cookie. Keep it out of logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SessionId {
    /// Shows 32 bits of a hash: enough to follow one session through a log,
    /// useless as a cookie.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        write!(f, "SessionId(#{:08x})", hasher.finish() >> 32)
    }
}

impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Borrow<str> for SessionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = IdError;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::parse(id)
    }
}

impl TryFrom<&str> for SessionId {
    type Error = IdError;

    fn try_from(id: &str) -> Result<Self, Self::Error> {
        Self::parse(id)
    }
}

/// Why something is not a session id, or why none could be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The id is empty or above 256 bytes.
    #[error("a session id has 1 to 256 bytes, this one has {got}")]
    Length {
        /// Length found.
        got: usize,
    },
    /// A byte outside `[A-Za-z0-9,-]`.
    #[error("byte {at} of the session id is outside [A-Za-z0-9,-]")]
    Character {
        /// Offset of the first such byte.
        at: usize,
    },
    /// `session.sid_length` outside 22..=256 or `session.sid_bits_per_character`
    /// outside 4..=6.
    #[error(
        "sid_length must be 22..=256 and sid_bits_per_character 4..=6, got {length} and {bits}"
    )]
    Format {
        /// Length asked for.
        length: usize,
        /// Bits per character asked for.
        bits: u8,
    },
    /// The operating system gave no random bytes.
    #[error("the system's random source failed")]
    Random,
}

/// Length and alphabet of new ids: `session.sid_length` and
/// `session.sid_bits_per_character`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdFormat {
    length: usize,
    bits: u8,
}

impl IdFormat {
    /// 32 characters of 4 bits, 128 bits in all: PHP's built-in default and,
    /// from PHP 8.4 on, the only form that is not deprecated.
    pub const HEX32: Self = Self {
        length: 32,
        bits: 4,
    };

    /// 26 characters of 5 bits, 130 bits in all: what php.ini-production and
    /// Debian's packages set.
    pub const PHP_INI: Self = Self {
        length: 26,
        bits: 5,
    };

    /// A form of one's own.
    ///
    /// # Errors
    ///
    /// [`IdError::Format`] outside PHP's limits: length 22..=256, bits 4..=6.
    pub const fn new(length: usize, bits: u8) -> Result<Self, IdError> {
        if length < 22 || length > SessionId::MAX_LEN || bits < 4 || bits > 6 {
            return Err(IdError::Format { length, bits });
        }
        Ok(Self { length, bits })
    }

    /// Characters of an id.
    #[must_use]
    pub const fn length(self) -> usize {
        self.length
    }

    /// Random bits in each character.
    #[must_use]
    pub const fn bits_per_character(self) -> u8 {
        self.bits
    }

    /// Random bytes one id takes.
    #[must_use]
    pub const fn random_len(self) -> usize {
        (self.length * self.bits as usize).div_ceil(8)
    }

    /// Makes a new random id.
    ///
    /// # Errors
    ///
    /// [`IdError::Random`] if the system has no random bytes; answer 503.
    pub fn generate(self) -> Result<SessionId, IdError> {
        let mut random = [0; SessionId::MAX_LEN];
        let random = &mut random[..self.random_len()];
        getrandom::fill(random).map_err(|_| IdError::Random)?;
        self.pack(random).ok_or(IdError::Random)
    }

    /// Writes random bytes as an id the way PHP's `bin_to_readable` does:
    /// least significant bits first. `None` if there are fewer than
    /// [`random_len`](Self::random_len) bytes; more are ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use session_store::IdFormat;
    ///
    /// let id = IdFormat::HEX32.pack(&[0x10; 16]).map(|id| id.as_str().to_owned());
    /// assert_eq!(id.as_deref(), Some("01010101010101010101010101010101"));
    /// ```
    #[must_use]
    pub fn pack(self, random: &[u8]) -> Option<SessionId> {
        let mask = (1_u32 << self.bits) - 1;
        let (mut window, mut have) = (0_u32, 0);
        let mut random = random.iter();
        let mut id = String::with_capacity(self.length);
        while id.len() < self.length {
            if have < self.bits {
                window |= u32::from(*random.next()?) << have;
                have += 8;
            }
            id.push(char::from(ALPHABET[(window & mask) as usize]));
            window >>= self.bits;
            have -= self.bits;
        }
        Some(SessionId(id.into()))
    }
}

impl Default for IdFormat {
    fn default() -> Self {
        Self::HEX32
    }
}

/// What to do with an id that a visitor brings but no store knows:
/// `session.use_strict_mode`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum IdPolicy {
    /// Replace it with a new one. Adopting it would let an attacker choose
    /// the victim's id (session fixation).
    #[default]
    Strict,
    /// Use it, as PHP up to 8.5 does by default. Only for applications that
    /// make ids on their own.
    Adopt,
}

impl IdPolicy {
    /// Whether the visitor's id may be used, given whether a session with it
    /// exists. An existing empty session counts, as with PHP's own handlers.
    #[must_use]
    pub const fn accepts(self, exists: bool) -> bool {
        matches!(self, Self::Adopt) || exists
    }

    /// Whether the answer depends on the store at all.
    #[must_use]
    pub const fn asks_store(self) -> bool {
        matches!(self, Self::Strict)
    }
}

/// PHP's alphabet; 4 bits use the first 16 characters, 5 bits 32, 6 bits all.
/// Whether a byte is in [`ALPHABET`], without looking for it there.
const fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b',' | b'-')
}

const ALPHABET: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_bits_as_php_does() {
        // Drawn by PHP 8.2 with sid_length=26, sid_bits_per_character=5.
        let wanted = "0cs2bccbbkkorco4pu60qq4rd7";
        let mut random = vec![0_u8; IdFormat::PHP_INI.random_len()];
        for (index, character) in wanted.bytes().enumerate() {
            let value = ALPHABET
                .iter()
                .position(|&known| known == character)
                .unwrap();
            for bit in 0..5 {
                let at = index * 5 + bit;
                random[at / 8] |= u8::from(value >> bit & 1 == 1) << (at % 8);
            }
        }
        assert_eq!(random[..6], [0x80, 0x71, 0xb1, 0x18, 0x5b, 0x8b]);
        assert_eq!(IdFormat::PHP_INI.pack(&random).unwrap().as_str(), wanted);
        assert_eq!(IdFormat::PHP_INI.pack(&random[1..]), None);
    }

    #[test]
    fn the_alphabet_is_what_is_legal() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_legal(byte), ALPHABET.contains(&byte), "{byte}");
        }
    }

    #[test]
    fn generated_ids_are_valid_and_differ() {
        for (length, bits) in [(22, 4), (26, 5), (32, 4), (64, 6), (256, 6)] {
            let format = IdFormat::new(length, bits).unwrap();
            let (one, other) = (format.generate().unwrap(), format.generate().unwrap());
            assert_eq!(one.as_str().len(), length);
            assert_eq!(SessionId::parse(one.as_str()), Ok(one.clone()));
            assert_ne!(one, other);
        }
    }

    #[test]
    fn format_keeps_phps_limits() {
        for (length, bits) in [(21, 4), (257, 4), (32, 3), (32, 7)] {
            assert_eq!(
                IdFormat::new(length, bits),
                Err(IdError::Format { length, bits })
            );
        }
    }

    #[test]
    fn foreign_ids_are_checked() {
        assert!(SessionId::parse("aZ09,-").is_ok());
        assert!(SessionId::parse(&"a".repeat(256)).is_ok());
        assert_eq!(SessionId::parse(""), Err(IdError::Length { got: 0 }));
        assert_eq!(
            SessionId::parse(&"a".repeat(257)),
            Err(IdError::Length { got: 257 })
        );
        for hostile in ["a_b", "a\0b", "a/b", "a.b", "a b", "a\r\n", "aé"] {
            assert_eq!(
                SessionId::parse(hostile),
                Err(IdError::Character { at: 1 }),
                "{hostile:?}"
            );
        }
    }

    #[test]
    fn debug_hides_the_id() {
        let id = SessionId::parse("0123456789abcdef0123456789abcdef").unwrap();
        let shown = format!("{id:?}");
        assert!(
            shown.starts_with("SessionId(#") && shown.len() == 20,
            "{shown}"
        );
        assert!(!shown.contains("0123"), "{shown}");
    }

    #[test]
    fn strict_policy_refuses_unknown_ids() {
        assert!(IdPolicy::default().accepts(true));
        assert!(!IdPolicy::default().accepts(false));
        assert!(IdPolicy::Adopt.accepts(false) && !IdPolicy::Adopt.asks_store());
    }
}
