//! The answer of a FastCGI server, on its way to the client.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use fastcgi_proto::ProtocolStatus;
use fastcgi_proto::cgi::{BodyCheck, HeadParser, HeadPolicy, Push};
use fastcgi_proto::client::{Event, RetryClass};
use fastcgi_proto::driver::{self, HttpBody, Stream};
use fpm_pool::http::ContentBody;
use http::response;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::exchange::UpstreamError;

/// Chunks of an answer that wait for a slow client.
const WAITING_CHUNKS: usize = 8;

type Exchange<'c> = driver::Exchange<'c, Stream, HttpBody<ContentBody>>;

/// Who waits for the head of an answer, or for why there is none.
pub(super) type HeadSender = oneshot::Sender<Result<response::Parts, (UpstreamError, RetryClass)>>;

/// Where the answer goes.
pub(super) struct Client {
    head: Option<HeadSender>,
    body: mpsc::Sender<io::Result<Bytes>>,
    waiting: VecDeque<Bytes>,
}

impl Client {
    /// A client, and what it reads the body from.
    pub(super) fn new(head: HeadSender) -> (Self, mpsc::Receiver<io::Result<Bytes>>) {
        let (sender, body) = mpsc::channel(WAITING_CHUNKS);
        let client = Self {
            head: Some(head),
            body: sender,
            waiting: VecDeque::new(),
        };
        (client, body)
    }

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

    pub(super) async fn fail(&mut self, error: UpstreamError, class: RetryClass) {
        match self.head.take() {
            // A client that has left asks for nothing.
            Some(head) => {
                let _ = head.send(Err((error, class)));
            }
            None => {
                let _ = self.body.send(Err(io::Error::other(error))).await;
            }
        }
    }
}

/// An answer on its way to the client.
pub(super) struct Answering {
    client: Client,
    parser: HeadParser,
    check: Option<BodyCheck>,
    to_head: bool,
    /// The server sent more than it said, and that was logged.
    excessive: bool,
    /// For the log.
    uri: String,
    ended: bool,
}

/// What an exchange did.
enum Moved {
    AllSent,
    Came(Option<Event>),
}

type Step = Result<(), UpstreamError>;

impl Answering {
    pub(super) fn new(client: Client, to_head: bool, uri: String) -> Self {
        Self {
            client,
            parser: HeadParser::new(HeadPolicy::default()),
            check: None,
            to_head,
            excessive: false,
            uri,
            ended: false,
        }
    }

    /// Why the client gets no more.
    pub(super) async fn fail(&mut self, error: UpstreamError, class: RetryClass) {
        self.client.fail(error, class).await;
    }

    /// Moves bytes both ways until the answer is complete or the client has
    /// left.
    pub(super) async fn pass_on(
        &mut self,
        exchange: &mut Exchange<'_>,
        deadline: Option<Instant>,
    ) -> Step {
        let late = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let mut late = std::pin::pin!(late);
        let mut all_sent = false;
        loop {
            let waiting = !self.client.waiting.is_empty();
            if self.ended && !waiting {
                return Ok(());
            }
            // Nothing is read while the client has something to take.
            let moved = async {
                if waiting {
                    exchange.send().await.map(|()| Moved::AllSent)
                } else {
                    exchange.next().await.map(Moved::Came)
                }
            };
            tokio::select! {
                moved = moved, if !waiting || !all_sent => match moved? {
                    Moved::AllSent => all_sent = true,
                    Moved::Came(Some(event)) => self.handle(event)?,
                    Moved::Came(None) => self.ended = true,
                },
                // Dropping the connection tells the server.
                there = self.client.pass_on() => if !there {
                    return Ok(());
                },
                () = &mut late => return Err(UpstreamError::Timeout),
            }
        }
    }

    fn handle(&mut self, event: Event) -> Step {
        match event {
            Event::Stdout { content, .. } => self.stdout(content),
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

    fn stdout(&mut self, mut piece: Bytes) -> Step {
        let mut body = loop {
            match self.parser.push(piece).map_err(UpstreamError::Head)? {
                Push::More => return Ok(()),
                Push::Informational(_, rest) if rest.is_empty() => return Ok(()),
                Push::Informational(_, rest) => piece = rest,
                Push::Body(data) => break data,
                Push::Final(head, rest) => {
                    self.check = Some(head.body_check(self.to_head));
                    let parts = response::Parts::try_from(&head)?;
                    if let Some(sender) = self.client.head.take() {
                        // A client that has left is noticed in the loop.
                        let _ = sender.send(Ok(parts));
                    }
                    break rest;
                }
            }
        };
        if let Some(check) = &mut self.check {
            let tell = !check.is_forbidden() && !self.excessive;
            if let (Err(excess), true) = (check.admit(&mut body), tell) {
                self.excessive = true;
                tracing::warn!(uri = self.uri, "{excess}");
            }
        }
        if !body.is_empty() {
            self.client.waiting.push_back(body);
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
