//! What all workers of a generation have in common.

use std::sync::{Arc, Mutex, PoisonError};

use fastcgi_proto::cgi::HeadPolicy;

use crate::config::OutputSink;
use crate::{OnClientGone, PoolConfig, PoolLimits, Spawn};

/// The settings that the shell needs, and how workers are started.
pub(crate) struct Generation {
    pub(crate) spawner: Arc<Mutex<dyn Spawn>>,
    /// Whether workers are started on the pool's thread.
    pub(crate) on_thread: bool,
    pub(crate) limits: PoolLimits,
    pub(crate) head: HeadPolicy,
    pub(crate) on_client_gone: OnClientGone,
    pub(crate) output: Option<OutputSink>,
}

impl Generation {
    pub(crate) fn new(config: &PoolConfig, spawner: Arc<Mutex<dyn Spawn>>) -> Self {
        let mut head = HeadPolicy::default();
        head.head_bytes = config.limits.head_bytes;
        head.head_fields = config.limits.head_fields;
        let on_thread = {
            let spawner = spawner.lock().unwrap_or_else(PoisonError::into_inner);
            spawner.is_blocking()
        };
        Self {
            on_thread,
            spawner,
            limits: config.limits,
            head,
            on_client_gone: config.on_client_gone,
            output: config.output.clone(),
        }
    }
}
