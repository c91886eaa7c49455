//! The two tables: sessions by id, and ids by their end of life.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use redb::{
    Error as DbError, ReadTransaction, ReadableTable, Table, TableDefinition, TableError,
    WriteTransaction,
};

use super::Wanted;
use crate::{Change, Committed, Entry, SessionId, Version};

/// Id → end of life in milliseconds since 1970, version, data.
const SESSIONS: TableDefinition<'_, &str, (u64, u64, &[u8])> = TableDefinition::new("sessions");
/// End of life and id.
const ENDS: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("ends");

type Result<T> = std::result::Result<T, DbError>;

/// Makes both tables, so that reading finds them.
pub(super) fn make_tables(transaction: &WriteTransaction) -> Result<()> {
    transaction.open_table(SESSIONS)?;
    transaction.open_table(ENDS)?;
    Ok(())
}

/// Whether both tables are there.
pub(super) fn has_tables(transaction: &ReadTransaction) -> Result<bool> {
    let opened = [
        transaction.open_table(SESSIONS).map(drop),
        transaction.open_table(ENDS).map(drop),
    ];
    for opened in opened {
        match opened {
            Ok(()) => {}
            Err(TableError::TableDoesNotExist(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

pub(super) fn get(
    transaction: &ReadTransaction,
    id: &SessionId,
    now: SystemTime,
) -> Result<Option<Entry>> {
    let sessions = transaction.open_table(SESSIONS)?;
    let Some(record) = sessions.get(id.as_str())? else {
        return Ok(None);
    };
    let (end, version, bytes) = record.value();
    let now = millis(now);
    if end <= now {
        return Ok(None);
    }
    let bytes = Bytes::copy_from_slice(bytes);
    let entry = Entry::new(bytes, Version::counter(version));
    Ok(Some(entry.with_remaining(Duration::from_millis(end - now))))
}

pub(super) fn names(
    transaction: &ReadTransaction,
    limit: usize,
    now: SystemTime,
) -> Result<Vec<String>> {
    let ends = transaction.open_table(ENDS)?;
    let mut names = Vec::new();
    for entry in ends.range((millis(now) + 1, "")..)?.take(limit) {
        names.push(entry?.0.value().1.to_owned());
    }
    Ok(names)
}

/// Both tables, for writing.
pub(super) struct Tables<'a> {
    sessions: Table<'a, &'static str, (u64, u64, &'static [u8])>,
    ends: Table<'a, (u64, &'static str), ()>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(transaction: &'a WriteTransaction) -> Result<Self> {
        Ok(Self {
            sessions: transaction.open_table(SESSIONS)?,
            ends: transaction.open_table(ENDS)?,
        })
    }

    pub(super) fn apply(
        &mut self,
        id: &SessionId,
        wanted: &Wanted,
        change: &Change,
        ttl: Duration,
        now: SystemTime,
    ) -> Result<Committed> {
        self.remove_if_ended(id.as_str(), now)?;
        let stored = self.version(id.as_str())?;
        let end = millis(now + ttl);
        match change {
            Change::Put(bytes) => {
                if let Some(refused) = wanted.refuse(stored) {
                    return Ok(refused);
                }
                let version = fresh_version();
                self.insert(id.as_str(), end, version, bytes)?;
                Ok(Committed::Stored(Version::counter(version)))
            }
            Change::Touch => {
                if let Some(refused) = wanted.refuse(stored) {
                    return Ok(refused);
                }
                let Some(version) = stored else {
                    return Ok(Committed::Gone);
                };
                self.touch(id.as_str(), end)?;
                Ok(Committed::Stored(Version::counter(version)))
            }
            Change::Delete => {
                if let Some(refused) = wanted.refuse_delete(stored) {
                    return Ok(refused);
                }
                self.remove(id.as_str())?;
                Ok(Committed::Deleted)
            }
        }
    }

    /// Removes up to `budget` sessions whose end has come.
    pub(super) fn purge(&mut self, budget: usize, now: SystemTime) -> Result<u64> {
        let now = millis(now);
        let mut ended = Vec::new();
        for entry in self.ends.range(..(now + 1, ""))?.take(budget) {
            let (key, ()) = entry.map(|(key, _)| (key, ()))?;
            ended.push(key.value().1.to_owned());
        }
        for id in &ended {
            self.remove(id)?;
        }
        Ok(ended.len() as u64)
    }

    fn version(&self, id: &str) -> Result<Option<u64>> {
        Ok(self.sessions.get(id)?.map(|record| record.value().1))
    }

    fn insert(&mut self, id: &str, end: u64, version: u64, bytes: &[u8]) -> Result<()> {
        let old = self.sessions.insert(id, (end, version, bytes))?;
        let old_end = old.map(|record| record.value().0);
        self.move_end(id, old_end, end)
    }

    fn touch(&mut self, id: &str, end: u64) -> Result<()> {
        let Some((version, bytes)) = self.sessions.get(id)?.map(|record| {
            let (_, version, bytes) = record.value();
            (version, bytes.to_vec())
        }) else {
            return Ok(());
        };
        self.insert(id, end, version, &bytes)
    }

    fn remove(&mut self, id: &str) -> Result<()> {
        let old = self.sessions.remove(id)?.map(|record| record.value().0);
        if let Some(end) = old {
            self.ends.remove((end, id))?;
        }
        Ok(())
    }

    fn remove_if_ended(&mut self, id: &str, now: SystemTime) -> Result<()> {
        let end = self.sessions.get(id)?.map(|record| record.value().0);
        if end.is_some_and(|end| end <= millis(now)) {
            self.remove(id)?;
        }
        Ok(())
    }

    fn move_end(&mut self, id: &str, old: Option<u64>, new: u64) -> Result<()> {
        if let Some(old) = old {
            self.ends.remove((old, id))?;
        }
        self.ends.insert((new, id), ())?;
        Ok(())
    }
}

/// A version that no record ever had, restarts of the clock included.
fn fresh_version() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    u64::from_be_bytes(bytes)
}

fn millis(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
