//! Where the three databases differ.

/// A database's words.
#[allow(dead_code, reason = "each database is a feature")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dialect {
    Postgres,
    MySql,
    Sqlite,
}

impl Dialect {
    /// Turns `?` and double quotes into what this database reads. The
    /// statements of this module hold neither in any other sense.
    pub(super) fn adapt(self, sql: &str) -> String {
        match self {
            Self::Sqlite => sql.to_owned(),
            Self::MySql => sql.replace('"', "`"),
            Self::Postgres => {
                let mut adapted = String::with_capacity(sql.len() + 8);
                for (index, part) in sql.split('?').enumerate() {
                    if index > 0 {
                        adapted.push('$');
                        adapted.push_str(&index.to_string());
                    }
                    adapted.push_str(part);
                }
                adapted
            }
        }
    }

    /// A column of any integer type as a 64-bit number.
    pub(super) fn int(self, column: &str) -> String {
        let kind = match self {
            Self::MySql => "SIGNED",
            Self::Postgres => "BIGINT",
            Self::Sqlite => "INTEGER",
        };
        format!("CAST({column} AS {kind})")
    }

    /// Commands that start a transaction which is to write.
    pub(super) fn begin(self) -> &'static [&'static str] {
        match self {
            // Without gap locks, as Symfony asks for it.
            Self::MySql => &["SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "BEGIN"],
            Self::Postgres => &["BEGIN"],
            Self::Sqlite => &["BEGIN IMMEDIATE"],
        }
    }

    /// Locks the rows of a `SELECT`. SQLite's transaction locks everything.
    pub(super) fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::MySql | Self::Postgres => " FOR UPDATE",
        }
    }

    /// The same, without the rows that others have locked.
    pub(super) fn for_update_or_skip(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::MySql | Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// An insert that leaves an existing row alone: what stands before
    /// `INTO` and at the end.
    pub(super) fn insert_if_missing(self) -> (&'static str, &'static str) {
        match self {
            Self::MySql => ("INSERT IGNORE", ""),
            Self::Sqlite | Self::Postgres => ("INSERT", " ON CONFLICT DO NOTHING"),
        }
    }

    /// A type for bytes of any length.
    pub(super) fn blob(self) -> &'static str {
        match self {
            Self::MySql => "LONGBLOB",
            Self::Postgres => "BYTEA",
            Self::Sqlite => "BLOB",
        }
    }

    /// A type for text of any length.
    pub(super) fn long_text(self) -> &'static str {
        match self {
            Self::MySql => "LONGTEXT",
            Self::Postgres | Self::Sqlite => "TEXT",
        }
    }

    /// A type for ids, compared byte by byte.
    pub(super) fn id(self, length: u16) -> String {
        match self {
            Self::MySql => {
                format!("VARCHAR({length}) CHARACTER SET ascii COLLATE ascii_bin")
            }
            Self::Postgres => format!("VARCHAR({length})"),
            Self::Sqlite => "TEXT".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_quotes_become_the_databases_own() {
        let sql = "UPDATE \"t\" SET \"a\" = ? WHERE \"b\" = ?";
        assert_eq!(
            Dialect::Postgres.adapt(sql),
            "UPDATE \"t\" SET \"a\" = $1 WHERE \"b\" = $2"
        );
        assert_eq!(
            Dialect::MySql.adapt(sql),
            "UPDATE `t` SET `a` = ? WHERE `b` = ?"
        );
        assert_eq!(Dialect::Sqlite.adapt(sql), sql);
    }
}
