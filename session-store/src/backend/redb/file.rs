//! The database file: open, and opened again after a failure.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::{Database, Error as DbError, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::{fault, records};
use crate::{Error, ErrorKind, Result};

/// Cached pages; the system's own cache holds the rest.
const CACHE_BYTES: usize = 64 << 20;

pub(super) struct File {
    path: PathBuf,
    name: String,
    /// `None` after a failure, until it opens again.
    database: RwLock<Option<Database>>,
}

impl File {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = format!("redb at {}", path.display());
        let opened = open(path).map_err(|error| fault::wrap(&name, "open its file", error))?;
        Ok(Self {
            path: path.to_owned(),
            name,
            database: RwLock::new(Some(opened)),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn read<T>(
        &self,
        action: &'static str,
        read: impl FnOnce(&ReadTransaction) -> std::result::Result<T, DbError>,
    ) -> Result<T> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = database.as_ref() else {
            return Err(self.closed(action));
        };
        let result = database
            .begin_read()
            .map_err(DbError::from)
            .and_then(|transaction| read(&transaction));
        result.map_err(|error| fault::wrap(&self.name, action, error))
    }

    /// Runs one write transaction. A database that failed to reach its disk
    /// refuses everything from then on, so it is opened again: at once, or
    /// by the next write.
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        write: impl FnOnce(&WriteTransaction) -> std::result::Result<T, DbError>,
    ) -> Result<T> {
        self.reopen(action)?;
        let result = {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            let Some(database) = database.as_ref() else {
                return Err(self.closed(action));
            };
            transact(database, write)
        };
        result.map_err(|error| {
            if fault::needs_reopening(&error) {
                *self
                    .database
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = None;
                if let Err(error) = self.reopen(action) {
                    tracing::warn!(%error, "the database stays closed until the next write");
                }
            }
            fault::wrap(&self.name, action, error)
        })
    }

    fn reopen(&self, action: &'static str) -> Result<()> {
        let is_open = |guard: &Option<Database>| guard.is_some();
        if is_open(&self.database.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let opened = open(&self.path).map_err(|error| fault::wrap(&self.name, action, error))?;
        *database = Some(opened);
        Ok(())
    }

    fn closed(&self, action: &'static str) -> Error {
        let error = Error::new(ErrorKind::Unavailable, self.name.clone(), action);
        error.with_source("the file failed before and could not be opened again")
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("path", &self.path).finish()
    }
}

fn open(path: &Path) -> std::result::Result<Database, DbError> {
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(path)?;
    transact(&database, records::make_tables)?;
    Ok(database)
}

fn transact<T>(
    database: &Database,
    write: impl FnOnce(&WriteTransaction) -> std::result::Result<T, DbError>,
) -> std::result::Result<T, DbError> {
    let transaction = database.begin_write()?;
    let result = write(&transaction)?;
    transaction.commit()?;
    Ok(result)
}
