//! FastCGI servers that already run: which one gets a request, and what to
//! do when it does not answer.

mod answer;
mod exchange;
mod server;

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fpm_pool::http::{Call, Content, Fault};
use http::{Method, Response, StatusCode};

use self::exchange::{Failed, Prepared};
use self::server::Server;
use super::backend::with_causes;
use super::body::ScriptBody;
use crate::serve::settings::PhpSettings;

pub(crate) use server::UpstreamStatus;

/// The FastCGI servers, balanced by the requests that they run.
#[derive(Debug)]
pub(crate) struct Upstreams {
    servers: Vec<Arc<Server>>,
    /// Where the search for the least busy one starts, so that equals take
    /// turns.
    turn: AtomicUsize,
    limit: Option<Duration>,
}

impl Upstreams {
    pub(super) fn new(settings: &PhpSettings) -> Self {
        let servers = settings
            .upstreams
            .iter()
            .cloned()
            .map(Server::new)
            .map(Arc::new);
        Self {
            servers: servers.collect(),
            turn: AtomicUsize::new(0),
            limit: settings.request_timeout.filter(|limit| !limit.is_zero()),
        }
    }

    /// Runs a request on the least busy server; on the next one if that
    /// cannot be reached, or, for a request that may run twice, if it left
    /// without a byte of an answer. A request that took too long does not
    /// run again.
    pub(super) async fn run(
        &self,
        call: &Call<'_>,
        content: Content,
    ) -> Result<Response<ScriptBody>, Fault> {
        let mut prepared = Prepared::new(call, content).map_err(|error| {
            let cause = with_causes(&error);
            fault(error.status(), cause)
        })?;
        let mut last = None;
        for server in self.in_order() {
            let failed = match Arc::clone(&server).run(prepared, self.limit).await {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            let Failed { error, unsent } = failed;
            tracing::warn!(upstream = %server.address(), cause = with_causes(&error), "a request failed");
            last = Some(error);
            match unsent {
                Some(unsent) if unsent.may_run_again(is_idempotent(&call.parts().method)) => {
                    prepared = *unsent;
                }
                _ => break,
            }
        }
        let (status, cause) = match &last {
            Some(error) => (error.status(), with_causes(error)),
            None => (StatusCode::BAD_GATEWAY, "no FastCGI server".to_owned()),
        };
        Err(fault(status, cause))
    }

    pub(super) fn status(&self) -> Vec<UpstreamStatus> {
        self.servers.iter().map(|server| server.status()).collect()
    }

    /// All servers: those in use first, the least busy in front.
    fn in_order(&self) -> Vec<Arc<Server>> {
        let now = Instant::now();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.servers.len();
        let (late, early) = self.servers.split_at(turn);
        let mut order: Vec<_> = early.iter().chain(late).cloned().collect();
        order.sort_by_key(|server| (Reverse(server.is_available(now)), server.active()));
        order
    }
}

fn fault(status: StatusCode, cause: String) -> Fault {
    let rest = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(server::REST);
    Fault::new(status, cause).retry_after(rest)
}

/// RFC 9110, section 9.2.2, less PUT and DELETE: scripts seldom keep that
/// promise.
fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
