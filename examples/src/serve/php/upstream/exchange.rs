//! One request on one connection to a FastCGI server.

use std::io;
use std::time::Duration;

use fastcgi_proto::cgi::{BadHead, EnvError, HeadError, Short};
use fastcgi_proto::client::{
    BeginError, BodyLen, Config, RequestHead, RequestHeadBuilder, RetryClass,
};
use fastcgi_proto::driver::{self, ClientConnection, HttpBody, Stream};
use fastcgi_proto::{ParamError, ProtocolStatus, Role};
use fpm_pool::http::{Call, Content, Fault};
use http::{Method, Response, StatusCode};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::{Answering, Client};
use super::server::Running;
use crate::serve::php::body::ScriptBody;

/// Why a server did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamError {
    #[error("the FastCGI server cannot be reached")]
    Connect(#[source] io::Error),
    #[error("the exchange with the FastCGI server failed")]
    Exchange(#[from] driver::Error),
    #[error("the exchange with the FastCGI server was dropped")]
    Dropped,
    #[error("the head of the answer is invalid")]
    Head(#[source] HeadError),
    #[error(transparent)]
    Fields(#[from] BadHead),
    #[error("the answer is cut off")]
    Short(#[source] Short),
    #[error("the request cannot be passed on")]
    Params(#[source] EnvError<ParamError>),
    #[error("the request cannot be begun")]
    Begin(#[from] BeginError),
    #[error("the FastCGI server refused the request ({0:?})")]
    Refused(ProtocolStatus),
    #[error("the FastCGI server did not finish within the limit")]
    Timeout,
}

impl UpstreamError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Connect(_) | Self::Refused(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Params(error) => Fault::from(error.clone()).status(),
            Self::Begin(_) => StatusCode::INTERNAL_SERVER_ERROR,
            // The body is at hand: it is our copy that cannot be read.
            Self::Exchange(error) if error.kind() == driver::ErrorKind::Body => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// Whether another server may be asked. One that took too long would
    /// make the client wait as long again, and one that has begun to answer
    /// has run the script.
    fn is_worth_another(&self, class: RetryClass) -> bool {
        match self {
            Self::Timeout => false,
            Self::Refused(_) => true,
            _ => class != RetryClass::Responded,
        }
    }
}

/// A request that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: UpstreamError,
    /// The request, when it could run elsewhere.
    pub(super) unsent: Option<Box<Prepared>>,
}

/// A request that is not on a server yet.
#[derive(Debug)]
pub(super) struct Prepared {
    head: RequestHead,
    content: Content,
    to_head: bool,
    /// For the log.
    uri: String,
    /// Bytes of it were written to another server.
    touched: bool,
}

impl Prepared {
    /// Encodes the request; the body is at hand.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Params`].
    pub(super) fn new(call: &Call<'_>, content: Content) -> Result<Self, UpstreamError> {
        // A connection of its own: a kept one would pin a worker of php-fpm.
        let mut head = RequestHeadBuilder::new(Role::RESPONDER).keep_conn(false);
        let mut params = head.params();
        let written = call.write_params(&mut params, content.length());
        written.map_err(UpstreamError::Params)?;
        let finished = params.finish().map_err(EnvError::Sink);
        finished.map_err(UpstreamError::Params)?;
        Ok(Self {
            head: head.build().map_err(BeginError::from)?,
            content,
            to_head: call.parts().method == Method::HEAD,
            uri: call.parts().uri.to_string(),
            touched: false,
        })
    }

    /// Whether another server may get it.
    pub(super) const fn may_run_again(&self, idempotent: bool) -> bool {
        idempotent || !self.touched
    }

    /// The same once more, if its body can be read again.
    fn copy(&self, touched: bool) -> Option<Box<Self>> {
        Some(Box::new(Self {
            head: self.head.clone(),
            content: self.content.copy()?,
            to_head: self.to_head,
            uri: self.uri.clone(),
            touched,
        }))
    }

    /// Sends the request and returns the head of the answer; the exchange
    /// goes on in a task while the body is read.
    ///
    /// # Errors
    ///
    /// [`Failed`] before the head came.
    pub(super) async fn send(
        self,
        stream: Stream,
        limit: Option<Duration>,
        running: Running,
    ) -> Result<Response<ScriptBody>, Failed> {
        let copy = self.copy(true);
        let (head_sender, head) = oneshot::channel();
        let (client, body) = Client::new(head_sender);
        // A limit beyond the clock's end is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        tokio::spawn(async move {
            self.run(stream, client, deadline).await;
            drop(running);
        });
        match head.await {
            Ok(Ok(parts)) => Ok(Response::from_parts(parts, ScriptBody::Upstream(body))),
            Ok(Err((error, class))) => {
                let worth = error.is_worth_another(class);
                let unsent = copy.filter(|_| worth).map(|mut copy| {
                    copy.touched = class != RetryClass::NotSent;
                    copy
                });
                Err(Failed { error, unsent })
            }
            // The task panicked; that was reported when it happened.
            Err(_) => Err(Failed {
                error: UpstreamError::Dropped,
                unsent: None,
            }),
        }
    }

    /// Sends the request, and passes the answer on until it is complete or
    /// the client has left.
    async fn run(self, stream: Stream, mut client: Client, deadline: Option<Instant>) {
        let mut config = Config::default();
        config.keep_conn = self.head.keep_conn();
        let mut connection = ClientConnection::new(stream, config);
        let length = match self.content.length() {
            None | Some(0) => BodyLen::Empty,
            Some(length) => BodyLen::Exact(length),
        };
        let body = HttpBody(self.content.into_stream());
        let mut exchange = match connection.exchange_head(&self.head, length, body) {
            Ok(exchange) => exchange,
            Err(error) => return client.fail(error.into(), RetryClass::NotSent).await,
        };
        let mut answering = Answering::new(client, self.to_head, self.uri);
        if let Err(error) = answering.pass_on(&mut exchange, deadline).await {
            let class = exchange.retry_class();
            // The server is told before the client takes its time.
            drop(exchange);
            drop(connection);
            answering.fail(error, class).await;
        }
    }
}
