//! Laravel's forms of a session.
//!
//! Laravel keeps its own sessions, not PHP's: attributes are one array in
//! the `php_serialize` format, or JSON, which each of its drivers wraps once
//! more. Unwrap, decode with [`SerializeHandler::PhpSerialize`] or
//! [`from_json`], and back. A store URL with `preset=laravel` does all of it
//! on its own.
//!
//! | driver | form |
//! |---|---|
//! | `file`, `memcached` | the bytes themselves; the class `Memcached` may compress them |
//! | `database` | [`to_database`], [`from_database`] |
//! | `redis` | [`to_cache`], [`from_cache`] |
//! | `session.serialization = json` | [`to_json`], [`from_json`] instead of `php_serialize` |
//! | `session.encrypt` | [`Encrypter::encrypt`] before the driver's form |
//! | the visitor's cookie | [`Encrypter::cookie`], [`Encrypter::session_id`] |
//!
//! [`SerializeHandler::PhpSerialize`]: crate::SerializeHandler::PhpSerialize
//!
//! # Examples
//!
//! ```
//! use session_store::wrap::laravel;
//!
//! let stored = laravel::to_cache(b"a:0:{}");
//! assert_eq!(stored, b"s:6:\"a:0:{}\";");
//! assert_eq!(laravel::from_cache(&stored)?, b"a:0:{}");
//! # Ok::<(), session_store::wrap::WrapError>(())
//! ```

mod encrypter;
mod json;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::WrapError;

pub use encrypter::{Cipher, Encrypter};
pub use json::{from_json, to_json};

/// The name of the guard's variable for a logged-in user:
/// `login_web_<sha1 of the guard class>` for Laravel's own session guard.
pub const LOGIN_WEB: &str = "login_web_59ba36addc2b2f9401580f014c7f58ea4e30989d";

/// Wraps attributes for the `redis` cache store: `serialize()` of the string.
#[must_use]
pub fn to_cache(attributes: &[u8]) -> Vec<u8> {
    let mut stored = format!("s:{}:\"", attributes.len()).into_bytes();
    stored.extend_from_slice(attributes);
    stored.extend_from_slice(b"\";");
    stored
}

/// Unwraps what the `redis` cache store holds.
///
/// # Errors
///
/// [`WrapError::Corrupt`] if it is no serialized string.
pub fn from_cache(stored: &[u8]) -> Result<&[u8], WrapError> {
    let rest = stored.strip_prefix(b"s:").ok_or(WrapError::Corrupt)?;
    let colon = rest
        .iter()
        .position(|byte| *byte == b':')
        .ok_or(WrapError::Corrupt)?;
    let (len, rest) = rest.split_at(colon);
    let text = rest
        .strip_prefix(b":\"")
        .and_then(|rest| rest.strip_suffix(b"\";"));
    let text = text.ok_or(WrapError::Corrupt)?;
    if len != text.len().to_string().as_bytes() {
        return Err(WrapError::Corrupt);
    }
    Ok(text)
}

/// Wraps attributes for the `payload` column of the `sessions` table.
#[must_use]
pub fn to_database(attributes: &[u8]) -> String {
    STANDARD.encode(attributes)
}

/// Unwraps the `payload` column of the `sessions` table.
///
/// # Errors
///
/// [`WrapError::Corrupt`] if it is not base64.
pub fn from_database(payload: &[u8]) -> Result<Vec<u8>, WrapError> {
    STANDARD.decode(payload).map_err(|_| WrapError::Corrupt)
}
