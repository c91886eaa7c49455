//! One change of one session, as one transaction.

use std::time::{Duration, SystemTime};

use super::Sql;
use super::conn::Conn;
use super::fault;
use super::lock::Locking;
use super::rows::{Expected, RowError};
use crate::{Change, Committed, Result, Token};

/// A change and what must hold for it.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) name: &'a str,
    pub(super) expected: Expected<'a>,
    pub(super) change: &'a Change,
    pub(super) ttl: Duration,
    pub(super) now: SystemTime,
    pub(super) fence: Option<Fence<'a>>,
}

/// The lease that must be held, and what becomes of it.
#[derive(Debug)]
pub(super) struct Fence<'a> {
    pub(super) token: &'a Token,
    pub(super) lease: Duration,
    pub(super) keep: bool,
}

impl Sql {
    /// Writes on a connection of the pool; a deadlock is tried again.
    pub(super) async fn write(&self, action: &'static str, write: &Write<'_>) -> Result<Committed> {
        let writing = async {
            loop {
                let mut pooled = self.pool.get().await?;
                match self.write_on(pooled.conn(), write).await {
                    Ok(outcome) => {
                        pooled.put_back();
                        return Ok(outcome);
                    }
                    // The connection is closed, which rolls back.
                    Err(RowError::Database(error)) if fault::is_in_the_way(&error) => {}
                    Err(error) => return Err(self.row_error(action, error)),
                }
            }
        };
        self.within(self.timeout, action, writing).await
    }

    /// Writes in a transaction of its own on this connection.
    pub(super) async fn write_on(
        &self,
        conn: &mut Conn,
        write: &Write<'_>,
    ) -> std::result::Result<Committed, RowError> {
        for command in self.rows.dialect.begin() {
            conn.command(command).await?;
        }
        if !self.pass_fence(conn, write).await? {
            conn.command("ROLLBACK").await?;
            return Ok(Committed::Conflict);
        }
        let outcome = self.change(conn, write).await?;
        if !outcome.is_done() {
            self.leave_fence(conn, write).await?;
        }
        conn.command("COMMIT").await?;
        Ok(outcome)
    }

    /// The change alone, in the caller's transaction.
    pub(super) async fn change(
        &self,
        conn: &mut Conn,
        write: &Write<'_>,
    ) -> std::result::Result<Committed, RowError> {
        let Write {
            name,
            expected,
            change,
            ttl,
            now,
            ..
        } = *write;
        self.rows
            .change(conn, name, expected, change, ttl, now)
            .await
    }

    /// Whether the lease is held; from here to the end of the transaction
    /// nobody can take it.
    async fn pass_fence(
        &self,
        conn: &mut Conn,
        write: &Write<'_>,
    ) -> std::result::Result<bool, RowError> {
        let (Some(fence), Locking::Lease(table)) = (&write.fence, &self.locking) else {
            return Ok(true);
        };
        let Fence { token, lease, keep } = *fence;
        Ok(if keep {
            table
                .renew(conn, write.name, token, lease, write.now)
                .await?
        } else {
            table.give_back(conn, write.name, token).await?
        })
    }

    /// A lease goes with `Gone` and `Conflict` too.
    async fn leave_fence(
        &self,
        conn: &mut Conn,
        write: &Write<'_>,
    ) -> std::result::Result<(), RowError> {
        if let (Some(fence), Locking::Lease(table)) = (&write.fence, &self.locking)
            && fence.keep
        {
            table.give_back(conn, write.name, fence.token).await?;
        }
        Ok(())
    }
}
