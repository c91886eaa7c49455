//! The contract of backends, kept by a database.

use std::time::Duration;

use bytes::Bytes;

use super::Sql;
use super::conn::Conn;
use super::fault;
use super::lock::Locking;
use super::rows::{Expected, RowError};
use super::write::{Fence, Write};
use crate::{
    Backend, BoxFuture, Caps, Change, CommitOptions, Committed, Created, Entry, Lease, LockOptions,
    ReadOptions, Result, SessionId, Token, Version,
};

impl Sql {
    pub(super) async fn find(&self, name: &str) -> Result<Option<Entry>> {
        let action = "read session";
        let reading = async {
            let mut pooled = self.pool.get().await?;
            let now = self.clock.now();
            let found = loop {
                match self.rows.find(pooled.conn(), name, false, now).await {
                    Err(RowError::Database(error)) if fault::is_in_the_way(&error) => {}
                    found => break found,
                }
            };
            let found = found.map_err(|error| self.row_error(action, error))?;
            pooled.put_back();
            Ok(found.and_then(|found| found.entry))
        };
        self.within(self.timeout, action, reading).await
    }

    async fn commit_lease(
        &self,
        lease: &mut Lease,
        change: &Change,
        options: CommitOptions,
    ) -> Result<Committed> {
        let name = self.rows.schema().stored(lease.id());
        let base = lease.base().cloned();
        let token = lease.token().clone();
        let by_lease = matches!(self.locking, Locking::Lease(_));
        let write = Write {
            name: &name,
            expected: match &base {
                Some(version) => Expected::Version(version),
                // The row may be a placeholder of this very transaction.
                None if matches!(self.locking, Locking::Row) => Expected::Anything,
                None => Expected::Nothing,
            },
            change,
            ttl: options.ttl,
            now: self.clock.now(),
            fence: by_lease.then_some(Fence {
                token: &token,
                lease: lease.ttl(),
                keep: options.keep_lease,
            }),
        };
        let keep = options.keep_lease;
        let action = "write session";
        let outcome = match &self.locking {
            Locking::Lease(_) => self.write(action, &write).await?,
            Locking::Row => {
                let committing = self.commit_row(lease, &write, keep);
                self.within(self.timeout, action, committing).await?
            }
            Locking::Named => {
                let committing = self.commit_name(lease, &write, keep);
                self.within(self.timeout, action, committing).await?
            }
        };
        lease.set_base(outcome.stored().cloned());
        Ok(outcome)
    }

    /// Deletes sessions that are over and that nobody holds.
    async fn purge(&self, budget: usize) -> Result<u64> {
        let action = "purge sessions";
        let finding = async {
            let mut pooled = self.pool.get().await?;
            let now = self.clock.now();
            let names = self.rows.over(pooled.conn(), budget, now).await;
            let names = names.map_err(|error| self.row_error(action, error))?;
            pooled.put_back();
            Ok(names)
        };
        let names = self.within(self.timeout, action, finding).await?;
        let mut removed = 0;
        for name in &names {
            removed += u64::from(self.collect(name).await?);
        }
        if let Locking::Lease(table) = &self.locking {
            self.sweep_locks(table).await?;
        }
        Ok(removed)
    }

    /// Deletes one session under its lock if it still is over then.
    async fn collect(&self, name: &str) -> Result<bool> {
        let action = "purge sessions";
        let token = Token::random();
        let Locking::Lease(table) = &self.locking else {
            return self.collect_unlocked(name).await;
        };
        let taking = async {
            let mut pooled = self.pool.get().await?;
            let now = self.clock.now();
            let taken = table.try_take(pooled.conn(), name, &token, self.timeout, now);
            match taken.await {
                Ok(taken) => {
                    pooled.put_back();
                    Ok(taken)
                }
                Err(error) if fault::is_in_the_way(&error) => Ok(false),
                Err(error) => Err(self.row_error(action, error.into())),
            }
        };
        if !self.within(self.timeout, action, taking).await? {
            return Ok(false);
        }
        let removed = self.collect_unlocked(name).await;
        self.give_lease_back(table, name, &token, self.timeout)
            .await?;
        removed
    }

    /// Passes over a row that a holder has locked.
    async fn collect_unlocked(&self, name: &str) -> Result<bool> {
        let action = "purge sessions";
        let collecting = async {
            let mut pooled = self.pool.get().await?;
            let removed = self.collect_on(pooled.conn(), name).await;
            let removed = removed.map_err(|error| self.row_error(action, error))?;
            pooled.put_back();
            Ok(removed)
        };
        self.within(self.timeout, action, collecting).await
    }

    async fn collect_on(&self, conn: &mut Conn, name: &str) -> std::result::Result<bool, RowError> {
        for command in self.rows.dialect.begin() {
            conn.command(command).await?;
        }
        let now = self.clock.now();
        let removed = self.rows.delete_if_over(conn, name, now).await?;
        conn.command("COMMIT").await?;
        Ok(removed)
    }

    async fn names(&self, limit: usize) -> Result<Vec<String>> {
        let action = "list sessions";
        let listing = async {
            let mut pooled = self.pool.get().await?;
            let now = self.clock.now();
            let names = self.rows.names(pooled.conn(), limit, now).await;
            let names = names.map_err(|error| self.row_error(action, error))?;
            pooled.put_back();
            Ok(names)
        };
        self.within(self.timeout, action, listing).await
    }
}

impl Backend for Sql {
    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        let mut caps = Caps::new(self.locking.kind());
        caps.cas = true;
        caps.touch = true;
        caps.list = true;
        caps.durable = true;
        caps.php_layout = self.rows.schema().is_phps();
        caps
    }

    fn load<'a>(
        &'a self,
        id: &'a SessionId,
        options: ReadOptions,
    ) -> BoxFuture<'a, Result<Option<Entry>>> {
        Box::pin(async move {
            let name = self.rows.schema().stored(id);
            if let Some(ttl) = options.touch {
                let write = Write {
                    name: &name,
                    expected: Expected::Anything,
                    change: &Change::Touch,
                    ttl,
                    now: self.clock.now(),
                    fence: None,
                };
                let _ = self.write("touch session", &write).await?;
            }
            self.find(&name).await
        })
    }

    fn lock_and_load<'a>(
        &'a self,
        id: &'a SessionId,
        options: LockOptions,
    ) -> BoxFuture<'a, Result<(Lease, Option<Entry>)>> {
        Box::pin(async move {
            let limit = options.remaining() + self.timeout;
            match &self.locking {
                Locking::Lease(table) => self.lock_by_lease(table, id, &options).await,
                Locking::Row => {
                    let locking = self.lock_row(id, &options);
                    self.within(limit, "lock session", locking).await
                }
                Locking::Named => {
                    let locking = self.lock_name(id, &options);
                    self.within(limit, "lock session", locking).await
                }
            }
        })
    }

    fn commit<'a>(
        &'a self,
        lease: &'a mut Lease,
        change: Change,
        options: CommitOptions,
    ) -> BoxFuture<'a, Result<Committed>> {
        Box::pin(async move { self.commit_lease(lease, &change, options).await })
    }

    fn put_if<'a>(
        &'a self,
        id: &'a SessionId,
        expected: &'a Version,
        change: Change,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Committed>> {
        Box::pin(async move {
            let write = Write {
                name: &self.rows.schema().stored(id),
                expected: Expected::Version(expected),
                change: &change,
                ttl,
                now: self.clock.now(),
                fence: None,
            };
            self.write("write session", &write).await
        })
    }

    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        bytes: Bytes,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Created>> {
        Box::pin(async move {
            let write = Write {
                name: &self.rows.schema().stored(id),
                expected: Expected::Nothing,
                change: &Change::Put(bytes),
                ttl,
                now: self.clock.now(),
                fence: None,
            };
            Ok(match self.write("create session", &write).await? {
                Committed::Stored(version) => Created::Stored(version),
                _ => Created::Exists,
            })
        })
    }

    fn renew<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            match &self.locking {
                Locking::Lease(table) => self.renew_lease(table, lease).await,
                Locking::Row | Locking::Named => Ok(true),
            }
        })
    }

    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match &self.locking {
                Locking::Lease(table) => {
                    let name = self.rows.schema().stored(lease.id());
                    let giving = self.give_lease_back(table, &name, lease.token(), lease.ttl());
                    giving.await
                }
                Locking::Row | Locking::Named => {
                    let is_named = matches!(self.locking, Locking::Named);
                    let abandoning = async {
                        self.abandon(lease, is_named).await;
                        Ok(())
                    };
                    self.within(self.timeout, "release session", abandoning)
                        .await
                }
            }
        })
    }

    fn purge_expired(&self, budget: usize) -> BoxFuture<'_, Result<u64>> {
        Box::pin(self.purge(budget))
    }

    fn list(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.names(limit))
    }
}
