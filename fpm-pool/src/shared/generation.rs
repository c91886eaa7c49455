//! What all workers of a generation have in common.

use std::sync::Arc;
use std::time::Duration;

use fastcgi_proto::cgi::HeadPolicy;

use super::{Inner, Shared};
use crate::config::OutputSink;
use crate::{OnClientGone, PoolConfig, PoolLimits, Spawn};

/// The settings that the shell needs, and how workers are started.
pub(crate) struct Generation {
    pub(crate) spawner: Arc<dyn Spawn>,
    /// How long a worker may take to become ready.
    pub(crate) start_limit: Duration,
    pub(crate) limits: PoolLimits,
    pub(crate) head: HeadPolicy,
    pub(crate) on_client_gone: OnClientGone,
    pub(crate) output: Option<OutputSink>,
}

impl Generation {
    pub(crate) fn new(config: &PoolConfig, spawner: Arc<dyn Spawn>) -> Self {
        let mut head = HeadPolicy::default();
        head.head_bytes = config.limits.head_bytes;
        head.head_fields = config.limits.head_fields;
        Self {
            spawner,
            start_limit: config.timeouts.start,
            limits: config.limits,
            head,
            on_client_gone: config.on_client_gone,
            output: config.output.clone(),
        }
    }
}

/// How long the end of a spawner is waited for.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);

impl Inner {
    /// Takes out the generations that are over: no worker is left of them,
    /// and none will be started.
    pub(super) fn forget_generations(&mut self) {
        let (current, pending) = (self.machine.generation(), self.machine.pending());
        let stopped = self.machine.is_stopped();
        let over: Vec<u64> = (self.generations.iter())
            .filter(|&(&number, generation)| {
                let wanted = !stopped && (number == current || pending == Some(number));
                let mut slots = self.slots.values();
                !wanted && !slots.any(|slot| Arc::ptr_eq(&slot.generation, generation))
            })
            .map(|(&number, _)| number)
            .collect();
        for number in over {
            self.over.extend(self.generations.remove(&number));
            self.closing += 1;
        }
        if let Some(generation) = self.generations.get(&current) {
            self.newest = Arc::clone(generation);
        }
    }
}

impl Shared {
    /// Has the spawner of a generation that is over end.
    pub(super) fn retire(self: &Arc<Self>, generation: Arc<Generation>) {
        let closing = Closing(Arc::clone(self));
        self.runtime.spawn(async move {
            let close = generation.spawner.close();
            if tokio::time::timeout(CLOSE_LIMIT, close).await.is_err() {
                let pool = &*closing.0.name;
                tracing::error!(pool, "what started the workers does not end");
            }
        });
    }
}

/// A generation that is being closed, until it is or cannot be.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.lock().closing -= 1;
        self.0.stopped.notify_waiters();
    }
}
