//! The answer to one request.

use std::time::Duration;

use bytes::Bytes;
use fastcgi_proto::driver::{Answer, Request, Stopped};

use super::Args;
use super::document::{Counted, document};

/// `app_status` of a request that was aborted.
const ABORTED: u32 = 1;

/// Bytes of padding sent at a time.
const CHUNK: usize = 32 * 1024;

/// Answers requests with what they hold.
#[derive(Clone, Debug)]
pub(super) struct Echo {
    delay: Duration,
    padding: u64,
    chunk: Bytes,
}

impl Echo {
    pub(super) fn new(args: &Args) -> Self {
        Self {
            delay: Duration::from_millis(args.delay_ms),
            padding: args.body_bytes,
            chunk: vec![b' '; CHUNK].into(),
        }
    }

    pub(super) async fn answer(self, request: Request) -> Answer {
        match self.echo(request).await {
            Ok(()) => Answer::End(0),
            Err(Stopped) => Answer::End(ABORTED),
        }
    }

    async fn echo(&self, mut request: Request) -> Result<(), Stopped> {
        let mut input = Counted::default();
        while let Some(content) = request.stdin.next().await? {
            input.stdin(&content);
        }
        while let Some(content) = request.data.next().await? {
            input.data(&content);
        }
        if !self.delay.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(self.delay) => {}
                () = request.responder.aborted() => return Err(Stopped),
            }
        }
        let document = document(request.role, &request.params, input);
        let length = document.len() as u64 + self.padding;
        let head = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        request
            .responder
            .stdout(Bytes::from(head + &document))
            .await?;
        let mut left = self.padding;
        while left > 0 {
            let len = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            request.responder.stdout(self.chunk.slice(..len)).await?;
            left -= len as u64;
        }
        Ok(())
    }
}
