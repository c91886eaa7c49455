//! Locks that end by themselves, from asking to giving back.

use std::time::{Duration, SystemTime};

use sqlx::Error as DbError;

use super::Sql;
use super::conn::Conn;
use super::fault;
use super::lock::lease::{Asked, LeaseTable};
use super::lock::line::Place;
use crate::backend::Backoff;
use crate::{Entry, Lease, LockOptions, Result, SessionId, Token};

const LOCK: &str = "lock session";

/// The longest pause of the one who has only the holder ahead.
const NEXT_IN_LINE: Duration = Duration::from_millis(4);

impl Sql {
    pub(super) async fn lock_by_lease(
        &self,
        table: &LeaseTable,
        id: &SessionId,
        options: &LockOptions,
    ) -> Result<(Lease, Option<Entry>)> {
        let name = self.rows.schema().stored(id);
        let token = Token::random();
        self.take_lease(table, &name, &token, options).await?;
        match self.find(&name).await {
            Ok(entry) => {
                let base = entry.as_ref().map(|entry| entry.version.clone());
                Ok((Lease::new(id.clone(), token, options.lease, base), entry))
            }
            Err(error) => {
                let _ = self
                    .give_lease_back(table, &name, &token, options.lease)
                    .await;
                Err(error)
            }
        }
    }

    /// Asks for a lease until it is granted or the deadline comes.
    async fn take_lease(
        &self,
        table: &LeaseTable,
        name: &str,
        token: &Token,
        options: &LockOptions,
    ) -> Result<()> {
        let mut backoff = Backoff::new();
        let mut place = Place::new(self.clock.now());
        let mut fewest = i64::MAX;
        loop {
            let asked = self.ask(table, name, token, &mut place, options).await;
            let ahead = match asked {
                Ok(Asked::Taken) => return Ok(()),
                Ok(Asked::Behind(ahead)) => ahead,
                Err(error) => {
                    self.leave_line(table, name, token, &place).await;
                    return Err(error);
                }
            };
            if let Some(orphan) = self.orphans.take(name) {
                let given = self.give_lease_back(table, name, &orphan, options.lease);
                given.await?;
            }
            if ahead < fewest {
                // The line moves: the next step may be soon.
                fewest = ahead;
                backoff = if ahead == 1 {
                    Backoff::up_to(NEXT_IN_LINE)
                } else {
                    Backoff::new()
                };
            }
            if !backoff.sleep(options.deadline).await {
                self.leave_line(table, name, token, &place).await;
                return Err(self.lock_timeout());
            }
        }
    }

    async fn ask(
        &self,
        table: &LeaseTable,
        name: &str,
        token: &Token,
        place: &mut Place,
        options: &LockOptions,
    ) -> Result<Asked> {
        let asking = async {
            let mut pooled = self.pool.get().await?;
            let now = self.clock.now();
            let asked = table
                .ask(pooled.conn(), name, token, place, options.lease, now)
                .await;
            match asked {
                Ok(asked) => {
                    pooled.put_back();
                    Ok(asked)
                }
                // The connection is closed, which rolls back.
                Err(error) if fault::is_in_the_way(&error) => Ok(Asked::Behind(i64::MAX)),
                Err(error) => Err(self.fail(LOCK, error)),
            }
        };
        self.within(self.timeout, LOCK, asking).await
    }

    /// Who no longer waits must not keep others waiting.
    async fn leave_line(&self, table: &LeaseTable, name: &str, token: &Token, place: &Place) {
        if place.is_taken()
            && let Err(error) = self.again(LOCK, table, Step::Leave(name, token)).await
        {
            tracing::debug!(%error, "a place in the line of waiters ends by itself");
        }
    }

    pub(super) async fn give_lease_back(
        &self,
        table: &LeaseTable,
        name: &str,
        token: &Token,
        ttl: Duration,
    ) -> Result<()> {
        let step = Step::GiveBack(name, token);
        let given = self.again("release session", table, step).await;
        given
            .map(drop)
            .inspect_err(|_| self.orphans.add(name, token, ttl))
    }

    pub(super) async fn renew_lease(&self, table: &LeaseTable, lease: &Lease) -> Result<bool> {
        let name = self.rows.schema().stored(lease.id());
        let step = Step::Renew(&name, lease.token(), lease.ttl());
        self.again("renew lease", table, step).await
    }

    /// Removes what dead holders and waiters left behind.
    pub(super) async fn sweep_locks(&self, table: &LeaseTable) -> Result<()> {
        let swept = self.again("purge locks", table, Step::Sweep).await;
        swept.map(drop)
    }

    /// Takes one step on a connection of the pool, again while another
    /// transaction is in its way.
    async fn again(
        &self,
        action: &'static str,
        table: &LeaseTable,
        step: Step<'_>,
    ) -> Result<bool> {
        let running = async {
            let mut pooled = self.pool.get().await?;
            let done = loop {
                let now = self.clock.now();
                match step.take(table, pooled.conn(), now).await {
                    Err(error) if fault::is_in_the_way(&error) => {}
                    done => break done,
                }
            };
            let done = done.map_err(|error| self.fail(action, error))?;
            pooled.put_back();
            Ok(done)
        };
        self.within(self.timeout, action, running).await
    }
}

/// What is done with a lease or a place in the line.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Leave(&'a str, &'a Token),
    GiveBack(&'a str, &'a Token),
    Renew(&'a str, &'a Token, Duration),
    Sweep,
}

impl Step<'_> {
    /// `false` if the lease was another's by then.
    async fn take(
        self,
        table: &LeaseTable,
        conn: &mut Conn,
        now: SystemTime,
    ) -> std::result::Result<bool, DbError> {
        match self {
            Self::Leave(name, token) => table.leave(conn, name, token, now).await?,
            Self::GiveBack(name, token) => return table.give_back(conn, name, token).await,
            Self::Renew(name, token, ttl) => return table.renew(conn, name, token, ttl, now).await,
            Self::Sweep => table.sweep(conn, now).await?,
        }
        Ok(true)
    }
}
