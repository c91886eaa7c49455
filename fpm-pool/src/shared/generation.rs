//! What all workers of a generation have in common.

use std::sync::{Arc, Mutex};

use fastcgi_proto::cgi::HeadPolicy;

use crate::config::OutputSink;
use crate::{Limits, OnClientGone, PoolConfig, Spawn};

/// The settings that the shell needs, and how workers are started.
pub(crate) struct Generation {
    pub(crate) spawner: Arc<Mutex<dyn Spawn>>,
    pub(crate) limits: Limits,
    pub(crate) head: HeadPolicy,
    pub(crate) on_client_gone: OnClientGone,
    pub(crate) output: Option<OutputSink>,
}

impl Generation {
    pub(crate) fn new(config: &PoolConfig, spawner: Arc<Mutex<dyn Spawn>>) -> Self {
        let mut head = HeadPolicy::default();
        head.limits.head_bytes = config.limits.head_bytes;
        head.limits.head_fields = config.limits.head_fields;
        Self {
            spawner,
            limits: config.limits,
            head,
            on_client_gone: config.on_client_gone,
            output: config.output.clone(),
        }
    }
}
