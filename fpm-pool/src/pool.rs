//! Starting a pool.

use crate::{Error, PoolConfig, PoolHandle};

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
        config.check()?;
        Ok(PoolHandle::new(&config))
    }
}
