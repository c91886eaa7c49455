//! The thread that starts processes.

use std::io;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::{Process, Spawn};
use crate::WorkerId;

type Spawner = Arc<Mutex<dyn Spawn>>;
type Answer = io::Result<Box<dyn Process>>;

struct Order {
    spawner: Spawner,
    worker: WorkerId,
    answer: oneshot::Sender<Answer>,
}

/// Starts processes one after the other. It lives until this is dropped, and
/// what it started dies with it.
#[derive(Debug)]
pub(crate) struct SpawnThread {
    orders: mpsc::Sender<Order>,
}

impl SpawnThread {
    pub(crate) fn start(pool: &str) -> io::Result<Self> {
        let (orders, received) = mpsc::channel::<Order>();
        // The system cuts names of threads at 15 bytes.
        thread::Builder::new()
            .name(format!("spawn {pool}"))
            .spawn(move || {
                for order in received {
                    let mut spawner = order.spawner.lock().unwrap_or_else(PoisonError::into_inner);
                    let process = spawner.spawn(order.worker);
                    drop(spawner);
                    // Nobody waits for it any more: dropping it ends it.
                    let _ = order.answer.send(process);
                }
            })?;
        Ok(Self { orders })
    }

    /// Starts a worker; cancelling this stops a worker that comes too late.
    pub(crate) async fn spawn(&self, spawner: Spawner, worker: WorkerId) -> Answer {
        let (answer, process) = oneshot::channel();
        let order = Order {
            spawner,
            worker,
            answer,
        };
        let gone = || io::Error::other("the thread that starts workers is gone");
        self.orders.send(order).map_err(|_| gone())?;
        process.await.unwrap_or_else(|_| Err(gone()))
    }
}
