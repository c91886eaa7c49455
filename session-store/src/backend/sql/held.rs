//! Locks that a connection owns, from taking to giving back.

use std::sync::{Mutex, PoisonError};

use super::Sql;
use super::conn::Conn;
use super::fault;
use super::lock::owned::{free_named, lift_limit, limit_wait, take_named};
use super::pool::Pooled;
use super::rows::RowError;
use super::write::Write;
use crate::{Committed, Entry, Error, ErrorKind, Lease, LockOptions, Result, SessionId, Token};

/// The connection that owns a lock. Dropping it closes the connection, and
/// the server frees the lock.
///
/// The mutex is never locked: it makes a connection that is not `Sync` so.
#[derive(Debug)]
pub(super) struct Held(Mutex<Option<Pooled>>);

impl Held {
    fn new(pooled: Pooled) -> Self {
        Self(Mutex::new(Some(pooled)))
    }

    fn get(&mut self) -> Option<&mut Pooled> {
        let held = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        held.as_mut()
    }

    fn into_inner(self) -> Option<Pooled> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sql {
    /// Locks the row of a session, which is made if it is not there and goes
    /// with the transaction if nothing is committed.
    pub(super) async fn lock_row(
        &self,
        id: &SessionId,
        options: &LockOptions,
    ) -> Result<(Lease, Option<Entry>)> {
        let name = self.rows.schema().stored(id);
        loop {
            let mut pooled = self.pool.get().await?;
            match self.begin_with_row(pooled.conn(), &name, options).await {
                Ok(entry) => return Ok((lease(id, options, entry.as_ref(), pooled), entry)),
                Err(RowError::Database(error))
                    if fault::is_in_the_way(&error) && !options.remaining().is_zero() => {}
                Err(error) => return Err(self.row_error("lock session", error)),
            }
        }
    }

    /// Takes the named lock of a session and reads it.
    pub(super) async fn lock_name(
        &self,
        id: &SessionId,
        options: &LockOptions,
    ) -> Result<(Lease, Option<Entry>)> {
        let fail = |error| self.row_error("lock session", error);
        let dialect = self.rows.dialect;
        let name = self.rows.schema().stored(id);
        let mut pooled = self.pool.get().await?;
        let conn = pooled.conn();
        let taken = take_named(conn, dialect, &name, options).await;
        if !taken.map_err(|error| fail(error.into()))? {
            pooled.put_back();
            return Err(self.lock_timeout());
        }
        let now = self.clock.now();
        let found = self
            .rows
            .find(conn, &name, false, now)
            .await
            .map_err(fail)?;
        let entry = found.and_then(|found| found.entry);
        Ok((lease(id, options, entry.as_ref(), pooled), entry))
    }

    pub(super) fn lock_timeout(&self) -> Error {
        Error::new(ErrorKind::LockTimeout, self.name.clone(), "lock session")
    }

    async fn begin_with_row(
        &self,
        conn: &mut Conn,
        name: &str,
        options: &LockOptions,
    ) -> std::result::Result<Option<Entry>, RowError> {
        limit_wait(conn, self.rows.dialect, options).await?;
        self.begin_again(conn, name).await
    }

    async fn begin_again(
        &self,
        conn: &mut Conn,
        name: &str,
    ) -> std::result::Result<Option<Entry>, RowError> {
        for command in self.rows.dialect.begin() {
            conn.command(command).await?;
        }
        loop {
            let now = self.clock.now();
            if let Some(found) = self.rows.find(conn, name, true, now).await? {
                return Ok(found.entry);
            }
            let placeholder = bytes::Bytes::new();
            let made = self.rows.insert(conn, name, &placeholder, PLACEHOLDER, now);
            if made.await?.is_some() {
                return Ok(None);
            }
            // Another transaction made it meanwhile: lock that row.
        }
    }

    /// Commits in the transaction that holds the row.
    pub(super) async fn commit_row(
        &self,
        lease: &mut Lease,
        write: &Write<'_>,
        keep: bool,
    ) -> Result<Committed> {
        let fail = |error| self.row_error("write session", error);
        let Some(held) = lease.guard_mut::<Held>().and_then(Held::get) else {
            return Ok(Committed::Conflict);
        };
        let conn = held.conn();
        let outcome = self.change(conn, write).await.map_err(fail)?;
        let end = if outcome.is_done() {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        conn.command(end)
            .await
            .map_err(|error| fail(error.into()))?;
        if keep && outcome.is_done() {
            self.hold_again(lease, write.name).await?;
        } else {
            self.put_back(lease).await;
        }
        Ok(outcome)
    }

    /// Commits under a named lock.
    pub(super) async fn commit_name(
        &self,
        lease: &mut Lease,
        write: &Write<'_>,
        keep: bool,
    ) -> Result<Committed> {
        let Some(held) = lease.guard_mut::<Held>().and_then(Held::get) else {
            return Ok(Committed::Conflict);
        };
        let written = self.write_on(held.conn(), write).await;
        let outcome = written.map_err(|error| self.row_error("write session", error))?;
        if !keep || !outcome.is_done() {
            self.free_name(lease, write.name).await;
        }
        Ok(outcome)
    }

    /// Gives back what a lease holds without writing.
    pub(super) async fn abandon(&self, mut lease: Lease, is_named: bool) {
        if is_named {
            let name = self.rows.schema().stored(lease.id());
            self.free_name(&mut lease, &name).await;
            return;
        }
        let Some(held) = lease.guard_mut::<Held>().and_then(Held::get) else {
            return;
        };
        if held.conn().command("ROLLBACK").await.is_ok() {
            self.put_back(&mut lease).await;
        }
    }

    /// Locks the row again after a commit that was to keep it. If another
    /// waits already, it goes first and this lease is lost.
    async fn hold_again(&self, lease: &mut Lease, name: &str) -> Result<()> {
        let Some(held) = lease.guard_mut::<Held>().and_then(Held::get) else {
            return Ok(());
        };
        let conn = held.conn();
        let at_once = LockOptions::until(std::time::Instant::now());
        let again = match limit_wait(conn, self.rows.dialect, &at_once).await {
            Ok(()) => self.begin_again(conn, name).await,
            Err(error) => Err(error.into()),
        };
        match again {
            Ok(_) => Ok(()),
            Err(RowError::Database(error)) if fault::kind(&error) == ErrorKind::LockTimeout => {
                lease.take_guard::<Held>();
                Ok(())
            }
            Err(error) => Err(self.row_error("lock session", error)),
        }
    }

    /// Frees the name; a connection that cannot is closed, which frees it too.
    async fn free_name(&self, lease: &mut Lease, name: &str) {
        let Some(held) = lease.guard_mut::<Held>().and_then(Held::get) else {
            return;
        };
        let freed = free_named(held.conn(), self.rows.dialect, name).await;
        if freed.is_ok() {
            self.put_back(lease).await;
        } else {
            lease.take_guard::<Held>();
        }
    }

    async fn put_back(&self, lease: &mut Lease) {
        let Some(held) = lease.take_guard::<Held>() else {
            return;
        };
        let Some(mut pooled) = held.into_inner() else {
            return;
        };
        if lift_limit(pooled.conn(), self.rows.dialect).await.is_ok() {
            pooled.put_back();
        }
    }
}

/// A row that only exists to be locked is never committed as it is.
const PLACEHOLDER: std::time::Duration = std::time::Duration::from_secs(3600);

fn lease(id: &SessionId, options: &LockOptions, entry: Option<&Entry>, pooled: Pooled) -> Lease {
    let base = entry.map(|entry| entry.version.clone());
    let lease = Lease::new(id.clone(), Token::random(), options.lease, base);
    lease.with_guard(Held::new(pooled))
}
