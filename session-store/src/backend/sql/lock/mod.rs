//! Who may write a session: the locks of the applications.

pub(super) mod lease;
pub(super) mod line;
pub(super) mod orphans;
pub(super) mod owned;

use self::lease::LeaseTable;
use super::dialect::Dialect;
use crate::{LockKind, Preset, Result, StoreUrl};

/// How sessions are locked.
#[derive(Debug)]
pub(super) enum Locking {
    /// A row in a table of locks, with an end.
    Lease(Box<LeaseTable>),
    /// The session's own row, in a transaction that lasts as long as the
    /// lock: Symfony's default.
    Row,
    /// A named lock of the connection: Symfony's `LOCK_ADVISORY`.
    Named,
}

impl Locking {
    /// What the URL asks for, else what the preset's application does.
    ///
    /// Symfony on SQLite locks the whole database for the length of a
    /// request. That is not repeated here: leases keep the Rust side apart,
    /// and every commit compares what is stored with what was read.
    pub(super) fn new(url: &StoreUrl, dialect: Dialect) -> Result<Self> {
        let default = match (url.preset(), dialect) {
            (Some(Preset::Symfony), Dialect::Postgres | Dialect::MySql) => "row",
            _ => "lease",
        };
        match (url.param("lock").unwrap_or(default), dialect) {
            ("lease", _) => Ok(Self::Lease(Box::new(LeaseTable::new(url, dialect)))),
            ("row" | "transactional", Dialect::Postgres | Dialect::MySql) => Ok(Self::Row),
            ("named" | "advisory", Dialect::Postgres | Dialect::MySql) => Ok(Self::Named),
            ("row" | "transactional" | "named" | "advisory", Dialect::Sqlite) => {
                Err(url.config("SQLite has no such lock; use lock=lease"))
            }
            _ => Err(url.config("lock is none of lease, row, named")),
        }
    }

    pub(super) fn kind(&self) -> LockKind {
        match self {
            Self::Lease(_) => LockKind::FencedLease,
            Self::Row | Self::Named => LockKind::OwnedByConnection,
        }
    }
}
