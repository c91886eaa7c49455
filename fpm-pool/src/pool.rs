//! Starting a pool.

use std::sync::Arc;

use crate::shared::Shared;
use crate::{Error, PoolConfig, PoolHandle, Spawn};

/// A pool of workers; [`start`](Self::start) is all there is to it, the rest
/// is done through the [`PoolHandle`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Pool;

impl Pool {
    /// Starts a pool with workers that run `config`'s command.
    ///
    /// It returns before the first worker is ready: see
    /// [`PoolHandle::ready`]. Requests wait in the queue meanwhile.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) when the numbers contradict each
    /// other, or the program, a user or a group does not exist: correct the
    /// settings. [`Runtime`](crate::ErrorKind::Runtime) outside of a tokio
    /// runtime.
    pub fn start(config: PoolConfig) -> Result<PoolHandle, Error> {
        let spawner = config.spawner()?;
        Self::start_with(config, spawner)
    }

    /// Starts a pool whose workers `spawner` starts; `config`'s command is
    /// not looked at.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(config: PoolConfig, spawner: impl Spawn) -> Result<PoolHandle, Error> {
        let shared = Shared::start(&config, Arc::new(spawner))?;
        Ok(PoolHandle::new(shared))
    }
}
