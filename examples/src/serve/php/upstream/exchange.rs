//! One request on one connection to a FastCGI server.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fastcgi_proto::cgi::{
    BadHead, BodyCheck, EnvError, HeadError, HeadParser, HeadPolicy, Push, Short,
};
use fastcgi_proto::client::{BeginError, BodyLen, Config, Connection, Event};
use fastcgi_proto::{ParamError, ProtocolError, ProtocolStatus, RequestId, Role};
use http::{Method, Response, StatusCode, response};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::server::Running;
use crate::serve::http::{Body, BodyError};
use crate::serve::php::content::Content;
use crate::serve::php::request::{Call, params_status};

/// Chunks of an answer that wait for a slow client.
const WAITING_CHUNKS: usize = 8;
/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;
/// For requests without a limit.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Why a server did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamError {
    #[error("the FastCGI server cannot be reached")]
    Connect(#[source] io::Error),
    #[error("the connection to the FastCGI server failed")]
    Connection(#[source] io::Error),
    #[error("the answer is not FastCGI")]
    Protocol(#[from] ProtocolError),
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
    #[error("the request body failed")]
    RequestBody(#[source] BodyError),
}

impl UpstreamError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Connect(_) | Self::Refused(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::RequestBody(_) => StatusCode::BAD_REQUEST,
            Self::Params(error) => params_status(error),
            Self::Begin(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_GATEWAY,
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
    content: Content,
    /// Bytes of it were written to another server.
    touched: bool,
}

impl Prepared {
    pub(super) fn new(content: Content) -> Self {
        Self {
            content,
            touched: false,
        }
    }

    /// Whether another server may get it.
    pub(super) fn may_run_again(&self, idempotent: bool) -> bool {
        idempotent || !self.touched
    }

    /// Sends the request and returns the head of the answer; the exchange
    /// goes on in a task while the body is read.
    ///
    /// # Errors
    ///
    /// [`Failed`] before the head came.
    pub(super) async fn send<R, W>(
        self,
        call: &Call<'_>,
        (reader, writer): (R, W),
        limit: Option<Duration>,
        running: Running,
    ) -> Result<Response<Body>, Failed>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let copy = self.content.copy();
        let exchange = match Exchange::begin(call, self.content) {
            Ok(exchange) => exchange,
            Err(error) => return Err(Failed::at_last(error)),
        };
        let (head_sender, head) = oneshot::channel();
        let (body_sender, body) = mpsc::channel(WAITING_CHUNKS);
        let deadline = Instant::now() + limit.unwrap_or(FOREVER);
        tokio::spawn(async move {
            let mut client = Client {
                head: Some(head_sender),
                body: body_sender,
                waiting: VecDeque::new(),
            };
            let result = exchange.run(reader, writer, &mut client, deadline).await;
            if let Err((error, touched)) = result {
                client.fail(error, touched).await;
            }
            drop(running);
        });
        match head.await {
            Ok(Ok(parts)) => Ok(Response::from_parts(parts, Body::Channel(body))),
            Ok(Err((error, touched))) => Err(Failed {
                error,
                unsent: copy.map(|content| Box::new(Self { content, touched })),
            }),
            // The task panicked; that was reported when it happened.
            Err(_) => Err(Failed::at_last(UpstreamError::Connection(
                io::ErrorKind::BrokenPipe.into(),
            ))),
        }
    }
}

impl Failed {
    fn at_last(error: UpstreamError) -> Self {
        Self {
            error,
            unsent: None,
        }
    }
}

/// Where the answer goes.
struct Client {
    head: Option<oneshot::Sender<Result<response::Parts, (UpstreamError, bool)>>>,
    body: mpsc::Sender<io::Result<Bytes>>,
    waiting: VecDeque<Bytes>,
}

impl Client {
    /// Hands the next chunk to the client's body once there is room; `false`
    /// as soon as the client has left.
    async fn pass_on(&mut self) -> bool {
        if self.waiting.is_empty() {
            match &mut self.head {
                Some(head) => head.closed().await,
                None => self.body.closed().await,
            }
            return false;
        }
        let Ok(permit) = self.body.reserve().await else {
            return false;
        };
        if let Some(chunk) = self.waiting.pop_front() {
            permit.send(Ok(chunk));
        }
        true
    }

    async fn fail(&mut self, error: UpstreamError, touched: bool) {
        match self.head.take() {
            // A client that has left asks for nothing.
            Some(head) => {
                let _ = head.send(Err((error, touched)));
            }
            None => {
                let _ = self.body.send(Err(io::Error::other(error))).await;
            }
        }
    }
}

/// The state of one request.
struct Exchange {
    connection: Connection,
    request: RequestId,
    parser: HeadParser,
    check: Option<BodyCheck>,
    to_head: bool,
    /// What is still to be sent of the request's body.
    content: Option<UnsyncBoxBody<Bytes, BodyError>>,
    writable: bool,
    /// For the log.
    uri: String,
    ended: bool,
}

type Step = Result<(), UpstreamError>;

impl Exchange {
    fn begin(call: &Call<'_>, content: Content) -> Result<Self, UpstreamError> {
        let mut config = Config::default();
        config.keep_conn = false;
        let mut connection = Connection::new(config);
        let length = content.length();
        let body = length
            .filter(|&length| length > 0)
            .map_or(BodyLen::Empty, BodyLen::Exact);
        let request = connection.begin_with(Role::RESPONDER, body, |params| {
            call.write_params(params, length)
                .map_err(UpstreamError::Params)
        })?;
        Ok(Self {
            connection,
            request,
            parser: HeadParser::new(HeadPolicy::default()),
            check: None,
            to_head: call.parts.method == Method::HEAD,
            content: (body != BodyLen::Empty).then(|| content.into_stream()),
            writable: true,
            uri: call.parts.uri.to_string(),
            ended: false,
        })
    }

    /// Moves bytes both ways until the answer is complete or the client has
    /// left. The flag of an error says whether bytes of the request may have
    /// reached the server.
    async fn run<R, W>(
        mut self,
        mut reader: R,
        mut writer: W,
        client: &mut Client,
        deadline: Instant,
    ) -> Result<(), (UpstreamError, bool)>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut input = BytesMut::new();
        let mut touched = false;
        let late = sleep_until(deadline);
        let mut late = std::pin::pin!(late);
        while !self.ended || !client.waiting.is_empty() {
            let may_send = self.content.is_some() && self.connection.send_capacity() > 0;
            let may_write = self.writable && self.connection.wants_write();
            let may_read = !self.ended && client.waiting.is_empty();
            input.reserve(READ_BYTES);
            let step: Step = tokio::select! {
                written = write(&mut writer, &mut self.connection), if may_write =>
                {
                    touched |= written.as_ref().is_ok_and(|&length| length > 0);
                    self.written(&written)
                }
                frame = next(&mut self.content), if may_send => self.send(frame),
                read = reader.read_buf(&mut input), if may_read => self.receive(read, &mut input, client),
                there = client.pass_on() => match there {
                    true => Ok(()),
                    // Dropping the connection tells the server.
                    false => return Ok(()),
                },
                () = &mut late => Err(UpstreamError::Timeout),
            };
            step.map_err(|error| (error, touched))?;
        }
        Ok(())
    }

    /// A server that takes no more may have answered all the same: reading
    /// tells.
    fn written(&mut self, written: &io::Result<usize>) -> Step {
        if !matches!(written, Ok(length) if *length > 0) {
            self.writable = false;
            self.content = None;
        }
        Ok(())
    }

    /// Queues the next piece of the request's body, or its end.
    fn send(&mut self, frame: Option<Result<Bytes, BodyError>>) -> Step {
        let wrong_length = |error: BodyError| UpstreamError::RequestBody(error);
        match frame {
            Some(Ok(data)) => self
                .connection
                .send(self.request, data)
                .map_err(|error| wrong_length(error.into())),
            Some(Err(error)) => Err(UpstreamError::RequestBody(error)),
            None => {
                self.content = None;
                self.connection
                    .finish(self.request)
                    .map_err(|error| wrong_length(error.into()))
            }
        }
    }

    fn receive(
        &mut self,
        read: io::Result<usize>,
        input: &mut BytesMut,
        client: &mut Client,
    ) -> Step {
        let closed = read.map_err(UpstreamError::Connection)? == 0;
        while let Some(event) = self.connection.handle_input(input)? {
            self.handle(event, client)?;
        }
        if closed && !self.ended {
            while let Some(event) = self.connection.handle_eof()? {
                self.handle(event, client)?;
            }
            // Without a request there is nothing more to come.
            self.ended = true;
        }
        Ok(())
    }

    fn handle(&mut self, event: Event, client: &mut Client) -> Step {
        match event {
            Event::Stdout { content, .. } => self.stdout(content, client),
            Event::Stderr { content, .. } => {
                self.log(&content);
                Ok(())
            }
            Event::End {
                protocol_status, ..
            } => {
                self.ended = true;
                if protocol_status != ProtocolStatus::REQUEST_COMPLETE {
                    return Err(UpstreamError::Refused(protocol_status));
                }
                self.parser.handle_eof().map_err(UpstreamError::Head)?;
                let whole = self.check.as_ref().map_or(Ok(()), BodyCheck::finish);
                whole.map_err(UpstreamError::Short)
            }
            _ => Ok(()),
        }
    }

    fn stdout(&mut self, mut piece: Bytes, client: &mut Client) -> Step {
        let mut body = loop {
            match self.parser.push(piece).map_err(UpstreamError::Head)? {
                Push::More => return Ok(()),
                Push::Informational(_, rest) if rest.is_empty() => return Ok(()),
                Push::Informational(_, rest) => piece = rest,
                Push::Body(data) => break data,
                Push::Final(head, rest) => {
                    self.check = Some(head.body_check(self.to_head));
                    let parts = response::Parts::try_from(&head)?;
                    if let Some(sender) = client.head.take() {
                        // A client that has left is noticed in the loop.
                        let _ = sender.send(Ok(parts));
                    }
                    break rest;
                }
            }
        };
        if let Some(check) = &mut self.check {
            let forbidden = check.is_forbidden();
            if let (Err(excess), false) = (check.admit(&mut body), forbidden) {
                tracing::warn!(uri = self.uri, "{excess}");
            }
        }
        if !body.is_empty() {
            client.waiting.push_back(body);
        }
        Ok(())
    }

    /// PHP's messages, one line of the log for each.
    fn log(&self, content: &[u8]) {
        let lines = content.split(|&byte| byte == b'\n');
        for line in lines.filter(|line| !line.is_empty()) {
            tracing::warn!(uri = self.uri, "PHP: {}", String::from_utf8_lossy(line));
        }
    }
}

async fn write<W: AsyncWrite + Unpin>(
    writer: &mut W,
    connection: &mut Connection,
) -> io::Result<usize> {
    writer.write_buf(&mut connection.outgoing()).await
}

/// The next data of a request's body.
async fn next(
    content: &mut Option<UnsyncBoxBody<Bytes, BodyError>>,
) -> Option<Result<Bytes, BodyError>> {
    let body = content.as_mut()?;
    loop {
        match body.frame().await? {
            Ok(frame) => match frame.into_data() {
                Ok(data) => return Some(Ok(data)),
                // Trailers: FastCGI has none.
                Err(_) => continue,
            },
            Err(error) => return Some(Err(error)),
        }
    }
}
