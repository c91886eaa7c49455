//! The tables of the applications, as data.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::dialect::Dialect;
use crate::{Preset, SessionId};

/// How an application keeps its sessions.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    pub(super) table: String,
    pub(super) id: &'static str,
    pub(super) data: &'static str,
    /// The column that the end of life is read from.
    pub(super) end: &'static str,
    pub(super) counts: Counts,
    /// The column with a version, where there is one.
    pub(super) version: Option<&'static str>,
    /// Whether the data is stored as base64 text.
    pub(super) base64: bool,
    /// Whether ids are stored as hashes.
    pub(super) hashed: bool,
    /// Further columns of a new row.
    pub(super) extra: &'static [(&'static str, Extra)],
    preset: Option<Preset>,
}

/// What the column of the end of life counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Counts {
    /// Milliseconds since 1970 until the end.
    EndMillis,
    /// Seconds since 1970 until the end.
    EndSecs,
    /// Seconds since 1970 until the last use.
    LastUseSecs,
}

/// What a further column is filled with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extra {
    Zero,
    Empty,
    /// Seconds since 1970, written with every change of the data.
    Now,
}

impl Schema {
    pub(super) fn new(preset: Option<Preset>, table: Option<&str>) -> Self {
        let mut schema = match preset {
            Some(Preset::Symfony) => symfony(),
            Some(Preset::Laravel) => laravel(),
            Some(Preset::Drupal) => drupal(),
            Some(Preset::Php) | None => native(),
        };
        schema.preset = preset;
        if let Some(table) = table {
            schema.table = table.to_owned();
        }
        schema
    }

    /// Whether PHP code reads and writes this table.
    pub(super) fn is_phps(&self) -> bool {
        self.version.is_none()
    }

    /// The name under which a session is stored.
    pub(super) fn stored(&self, id: &SessionId) -> String {
        if self.hashed {
            URL_SAFE_NO_PAD.encode(Sha256::digest(id.as_bytes()))
        } else {
            id.as_str().to_owned()
        }
    }

    /// The bytes of a stored value; `None` if it is no base64.
    pub(super) fn decode(&self, stored: Vec<u8>) -> Option<Bytes> {
        if self.base64 {
            return STANDARD.decode(&stored).ok().map(Bytes::from);
        }
        Some(stored.into())
    }

    /// The stored form of bytes, if it is another.
    pub(super) fn encode(&self, bytes: &[u8]) -> Option<String> {
        self.base64.then(|| STANDARD.encode(bytes))
    }

    /// What to store for a session that lives for `ttl` from `now`.
    pub(super) fn end(&self, now: SystemTime, ttl: Duration, lifetime: Duration) -> i64 {
        match self.counts {
            Counts::EndMillis => millis(now + ttl),
            Counts::EndSecs => secs_up(now + ttl),
            Counts::LastUseSecs => secs_up(now + ttl) - secs(lifetime),
        }
    }

    /// How long a session lives that has this stored; `None` if it is over.
    pub(super) fn remaining(
        &self,
        stored: i64,
        now: SystemTime,
        lifetime: Duration,
    ) -> Option<Duration> {
        let end = match self.counts {
            Counts::EndMillis => stored,
            Counts::EndSecs => stored.saturating_mul(1000),
            Counts::LastUseSecs => stored.saturating_add(secs(lifetime)).saturating_mul(1000),
        };
        let left = u64::try_from(end.saturating_sub(millis(now))).ok()?;
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// The largest stored value of sessions that are over.
    pub(super) fn over(&self, now: SystemTime, lifetime: Duration) -> i64 {
        match self.counts {
            Counts::EndMillis => millis(now),
            Counts::EndSecs => millis(now) / 1000,
            Counts::LastUseSecs => millis(now) / 1000 - secs(lifetime),
        }
    }

    /// Statements that make the table as the application would.
    pub(super) fn create(&self, dialect: Dialect) -> Vec<String> {
        let table = &self.table;
        let blob = dialect.blob();
        let columns = match self.preset {
            Some(Preset::Symfony) => format!(
                "\"sess_id\" {} NOT NULL PRIMARY KEY, \"sess_data\" {} NOT NULL, \
                 \"sess_lifetime\" INTEGER NOT NULL, \"sess_time\" INTEGER NOT NULL",
                match dialect {
                    Dialect::MySql => "VARBINARY(128)".into(),
                    _ => dialect.id(128),
                },
                // Symfony's own BLOB ends at 64 KB.
                match dialect {
                    Dialect::MySql => "MEDIUMBLOB",
                    _ => blob,
                }
            ),
            Some(Preset::Laravel) => format!(
                "\"id\" {} NOT NULL PRIMARY KEY, \"user_id\" BIGINT NULL, \
                 \"ip_address\" VARCHAR(45) NULL, \"user_agent\" TEXT NULL, \
                 \"payload\" {} NOT NULL, \"last_activity\" INTEGER NOT NULL",
                dialect.id(255),
                dialect.long_text()
            ),
            Some(Preset::Drupal) => format!(
                "\"uid\" BIGINT NOT NULL, \"sid\" {} NOT NULL PRIMARY KEY, \
                 \"hostname\" VARCHAR(128) NOT NULL DEFAULT '', \"session\" {blob} NULL, \
                 \"timestamp\" BIGINT NOT NULL DEFAULT 0",
                dialect.id(128)
            ),
            Some(Preset::Php) | None => format!(
                "\"id\" {} NOT NULL PRIMARY KEY, \"data\" {blob} NOT NULL, \
                 \"version\" BIGINT NOT NULL, \"expires\" BIGINT NOT NULL",
                dialect.id(256)
            ),
        };
        let end = self.end;
        let index = format!("\"{table}_{end}_idx\"");
        match dialect {
            // In one statement: an index made later waits for every
            // transaction that uses the table already, and has those that
            // come wait for itself.
            Dialect::MySql => vec![format!(
                "CREATE TABLE IF NOT EXISTS \"{table}\" ({columns}, INDEX {index} (\"{end}\"))"
            )],
            _ => vec![
                format!("CREATE TABLE IF NOT EXISTS \"{table}\" ({columns})"),
                format!("CREATE INDEX {index} ON \"{table}\" (\"{end}\")"),
            ],
        }
    }
}

fn symfony() -> Schema {
    Schema {
        table: "sessions".into(),
        id: "sess_id",
        data: "sess_data",
        end: "sess_lifetime",
        counts: Counts::EndSecs,
        version: None,
        base64: false,
        hashed: false,
        extra: &[("sess_time", Extra::Now)],
        preset: None,
    }
}

fn laravel() -> Schema {
    Schema {
        table: "sessions".into(),
        id: "id",
        data: "payload",
        end: "last_activity",
        counts: Counts::LastUseSecs,
        version: None,
        base64: true,
        hashed: false,
        extra: &[],
        preset: None,
    }
}

fn drupal() -> Schema {
    Schema {
        table: "sessions".into(),
        id: "sid",
        data: "session",
        end: "timestamp",
        counts: Counts::LastUseSecs,
        version: None,
        base64: false,
        hashed: true,
        extra: &[("uid", Extra::Zero), ("hostname", Extra::Empty)],
        preset: None,
    }
}

fn native() -> Schema {
    Schema {
        table: "php_sessions".into(),
        id: "id",
        data: "data",
        end: "expires",
        counts: Counts::EndMillis,
        version: Some("version"),
        base64: false,
        hashed: false,
        extra: &[],
        preset: None,
    }
}

pub(super) fn millis(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}

/// Whole seconds, a part of one counted as one.
pub(super) fn secs_up(time: SystemTime) -> i64 {
    millis(time).saturating_add(999) / 1000
}

fn secs(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drupal_stores_the_hash_of_an_id() {
        let schema = Schema::new(Some(Preset::Drupal), None);
        let id = SessionId::parse("abc").unwrap();
        assert_eq!(
            schema.stored(&id),
            "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"
        );
    }

    #[test]
    fn every_way_of_counting_ends_when_it_should() {
        let lifetime = Duration::from_secs(1440);
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        for preset in [None, Some(Preset::Symfony), Some(Preset::Laravel)] {
            let schema = Schema::new(preset, None);
            let end = schema.end(now, Duration::from_secs(30), lifetime);
            let left = schema.remaining(end, now, lifetime).unwrap();
            assert!(left >= Duration::from_secs(30), "{preset:?} {left:?}");
            let later = now + Duration::from_secs(31);
            assert_eq!(schema.remaining(end, later, lifetime), None);
            assert!(end > schema.over(now, lifetime));
            assert!(end <= schema.over(later, lifetime));
        }
    }

    #[test]
    fn laravels_payload_is_base64() {
        let schema = Schema::new(Some(Preset::Laravel), None);
        assert_eq!(schema.encode(b"a:0:{}").as_deref(), Some("YTowOnt9"));
        assert_eq!(schema.decode(b"YTowOnt9".to_vec()).unwrap(), "a:0:{}");
        assert!(schema.decode(b"a:0:{}".to_vec()).is_none());
    }
}
