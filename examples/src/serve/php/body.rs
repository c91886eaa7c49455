//! The bodies of scripts' answers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fpm_pool::ResponseBody;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;

/// Any error that ends a body early.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// What a script prints.
#[derive(Debug)]
pub(crate) enum ScriptBody {
    /// On a worker of ours.
    Worker(ResponseBody),
    /// On a FastCGI server elsewhere.
    Upstream(Receiver<io::Result<Bytes>>),
}

impl Body for ScriptBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Worker(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Upstream(body) => {
                let chunk = body.poll_recv(cx);
                chunk.map(|chunk| chunk.map(|read| read.map(Frame::data).map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Worker(body) => body.is_end_stream(),
            Self::Upstream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Worker(body) => body.size_hint(),
            Self::Upstream(_) => SizeHint::default(),
        }
    }
}
