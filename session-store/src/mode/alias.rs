//! What an old id leaves behind: a short record that names the new one.
//!
//! It is stored like a session, under a name derived from the old id, so
//! every backend can keep it and PHP's own handlers never read it as the
//! session of a visitor. The name is a hash: who sees it learns no id.

use std::fmt::Write;
use std::str;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::SessionId;

const SUFFIX: &str = "-moved";
const MARK: &str = "moved-to";

/// The name under which the alias of `id` is stored.
pub(crate) fn name(id: &SessionId) -> SessionId {
    let mut name = String::with_capacity(64 + SUFFIX.len());
    for byte in Sha256::digest(id.as_bytes()) {
        write!(name, "{byte:02x}").expect("a String takes every write");
    }
    name.push_str(SUFFIX);
    SessionId::parse(&name).expect("hexadecimal digits, a hyphen and letters are legal")
}

/// Whether a stored name is that of an alias.
pub(crate) fn is_name(stored: &str) -> bool {
    stored.len() == 64 + SUFFIX.len() && stored.ends_with(SUFFIX)
}

/// The record that leads to `to` until `ttl` from `now`.
///
/// It carries its end itself, for backends whose sessions all live equally long.
pub(crate) fn encode(to: &SessionId, now: SystemTime, ttl: Duration) -> Bytes {
    let until = millis(now + ttl);
    format!("{MARK} {until} {}", to.as_str()).into()
}

/// Where a record leads at `now`; `None` if it ended or is something else.
pub(crate) fn decode(bytes: &[u8], now: SystemTime) -> Option<SessionId> {
    let mut parts = str::from_utf8(bytes).ok()?.splitn(3, ' ');
    if parts.next()? != MARK {
        return None;
    }
    let until: u128 = parts.next()?.parse().ok()?;
    if millis(now) >= until {
        return None;
    }
    SessionId::parse(parts.next()?).ok()
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_to_the_new_id_until_its_end() {
        let new = SessionId::parse("abc,DEF-1").unwrap();
        let now = SystemTime::now();
        let record = encode(&new, now, Duration::from_secs(30));
        assert_eq!(decode(&record, now), Some(new.clone()));
        let late = now + Duration::from_secs(31);
        assert_eq!(decode(&record, late), None);
    }

    #[test]
    fn a_session_is_not_taken_for_an_alias() {
        for bytes in [
            "",
            "user|i:1;",
            "moved-to",
            "moved-to x y",
            "moved-to 9 a|b",
        ] {
            assert_eq!(decode(bytes.as_bytes(), SystemTime::UNIX_EPOCH), None);
        }
    }

    #[test]
    fn the_name_is_legal_and_tells_nothing() {
        let id = SessionId::parse("secret-id").unwrap();
        let name = name(&id);
        assert!(is_name(name.as_str()));
        assert!(!name.as_str().contains("secret"));
        assert!(!is_name("0123456789abcdef0123456789abcdef"));
    }
}
