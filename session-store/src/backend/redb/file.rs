//! The database file: open, and opened again after a failure.

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::{Database, Error as DbError, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::view::View;
use super::{fault, records};
use crate::{Error, ErrorKind, Result};

/// Cached pages; the system's own cache holds the rest.
const CACHE_BYTES: usize = 64 << 20;

pub(super) struct File {
    path: PathBuf,
    name: String,
    state: RwLock<State>,
}

/// A database that failed to reach its disk refuses everything from then on,
/// so it is opened again.
struct State {
    opened: Opened,
    /// Goes up with every opening, so that one failure opens it once.
    generation: u64,
}

enum Opened {
    Writable(Database),
    /// The disk is full or takes no writes; reading goes on.
    View(Database),
    Closed,
}

impl File {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = format!("redb at {}", path.display());
        let opened = match open(path) {
            Ok(database) => Opened::Writable(database),
            Err(error) => {
                let view = view_instead(path, &error);
                Opened::View(view.ok_or_else(|| fault::wrap(&name, "open its file", error))?)
            }
        };
        Ok(Self {
            path: path.to_owned(),
            name,
            state: RwLock::new(State {
                opened,
                generation: 0,
            }),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn read<T>(
        &self,
        action: &'static str,
        read: impl Fn(&ReadTransaction) -> std::result::Result<T, DbError>,
    ) -> Result<T> {
        let mut tried = None;
        loop {
            let state = self.state();
            let (Opened::Writable(database) | Opened::View(database)) = &state.opened else {
                return Err(self.closed(action));
            };
            let result = database.begin_read().map_err(DbError::from);
            match result.and_then(|transaction| read(&transaction)) {
                // A write has failed just now, not this.
                Err(error) if fault::needs_reopening(&error) && tried.is_none() => {
                    let generation = state.generation;
                    drop(state);
                    // If it cannot be written any more, it may still be read.
                    let _ = self.open_again(generation, action);
                    tried = Some(generation);
                }
                result => return result.map_err(|error| self.fail(action, error)),
            }
        }
    }

    /// Runs one write transaction, on a database that is opened again first
    /// if it has to be.
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        write: impl Fn(&WriteTransaction) -> std::result::Result<T, DbError>,
    ) -> Result<T> {
        let mut is_first = true;
        loop {
            let state = self.state();
            let generation = state.generation;
            let Opened::Writable(database) = &state.opened else {
                drop(state);
                self.open_again(generation, action)?;
                continue;
            };
            let result = transact(database, &write);
            drop(state);
            match result {
                // It failed before, and nobody has told yet.
                Err(DbError::PreviousIo) if is_first => {
                    is_first = false;
                    self.open_again(generation, action)?;
                }
                Err(error) => {
                    if fault::needs_reopening(&error)
                        && let Err(error) = self.open_again(generation, action)
                    {
                        tracing::warn!(%error, "the database takes no writes until it opens again");
                    }
                    return Err(self.fail(action, error));
                }
                Ok(done) => return Ok(done),
            }
        }
    }

    /// Opens the file anew unless another thread has since `generation`;
    /// where it cannot be written, for reading.
    ///
    /// # Errors
    ///
    /// Why it cannot be written.
    fn open_again(&self, generation: u64, action: &'static str) -> Result<()> {
        let mut state = self.state_mut();
        if state.generation != generation {
            return Ok(());
        }
        if let Opened::View(_) = state.opened {
            // Asked first, as it costs nothing to learn that nothing changed.
            let asked = OpenOptions::new().read(true).write(true).open(&self.path);
            asked.map_err(|error| self.fail(action, error.into()))?;
        }
        // The old one goes first: it has the file locked.
        state.opened = Opened::Closed;
        state.generation += 1;
        match open(&self.path) {
            Ok(database) => {
                state.opened = Opened::Writable(database);
                Ok(())
            }
            Err(error) => {
                if let Some(view) = view_instead(&self.path, &error) {
                    state.opened = Opened::View(view);
                }
                Err(self.fail(action, error))
            }
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, action: &'static str, error: DbError) -> Error {
        fault::wrap(&self.name, action, error)
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
    make_tables(&database)?;
    Ok(database)
}

/// Opens for reading what cannot be written for now.
fn view_instead(path: &Path, refused: &DbError) -> Option<Database> {
    let kind = fault::kind(refused);
    if !matches!(
        kind,
        ErrorKind::Full | ErrorKind::ReadOnly | ErrorKind::Denied
    ) {
        return None;
    }
    let opened = open_view(path);
    let opened = opened.inspect_err(|error| tracing::warn!(%error, "nor can it be read"));
    opened.ok()
}

fn open_view(path: &Path) -> std::result::Result<Database, DbError> {
    let file = std::fs::File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(View::new(file)?)?;
    make_tables(&database)?;
    Ok(database)
}

/// A database with both tables needs no write to be opened.
fn make_tables(database: &Database) -> std::result::Result<(), DbError> {
    if records::has_tables(&database.begin_read()?)? {
        return Ok(());
    }
    transact(database, records::make_tables)
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
