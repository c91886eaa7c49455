//! The body of a request in a form that a worker can take: with a length.

use std::fs::File;
use std::io::{self, Seek, Write};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body as _;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;

use crate::serve::files::{FileBody, Piece};
use crate::serve::http::{Body, BodyError, Upload, UploadError, content_length};

/// A body up to this size is read before a worker is asked for: it may then
/// run again on another worker, and a slow client holds none.
const SMALL_BYTES: u64 = 64 * 1024;

/// The body of a request.
#[derive(Debug)]
pub(super) enum Content {
    None,
    /// All of it.
    Bytes(Bytes),
    /// As the client sends it, of the length it promised.
    Stream(Upload, u64),
    /// It had to be read to its end and was too large for memory.
    Spooled(Body, u64),
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContentError {
    #[error(transparent)]
    Upload(#[from] UploadError),
    #[error("a request body cannot be kept: {0}")]
    Spool(#[from] io::Error),
}

impl ContentError {
    pub(super) fn status(&self) -> http::StatusCode {
        match self {
            Self::Upload(error) => error.status(),
            Self::Spool(_) => http::StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Content {
    /// Reads a small body whole and a chunked one to its end, because PHP
    /// has to be told the length; leaves a large one to be streamed.
    ///
    /// # Errors
    ///
    /// When the client breaks a limit or leaves, or the disk is full.
    pub(super) async fn read(headers: &HeaderMap, body: Upload) -> Result<Self, ContentError> {
        if body.is_end_stream() {
            return Ok(Self::None);
        }
        match content_length(headers) {
            Some(length) if length > SMALL_BYTES => Ok(Self::Stream(body, length)),
            Some(_) => Ok(Self::Bytes(body.collect().await?.to_bytes())),
            None => spool(body).await,
        }
    }

    /// `CONTENT_LENGTH`, of a request that has a body.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Stream(_, length) | Self::Spooled(_, length) => Some(*length),
        }
    }
}

impl Content {
    /// Reads a body that still comes to its end: whoever gets it from here
    /// gets all of it.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(super) async fn at_hand(self) -> Result<Self, ContentError> {
        match self {
            Self::Stream(upload, _) => spool(upload).await,
            at_hand => Ok(at_hand),
        }
    }

    /// The same body once more, if it is at hand.
    pub(super) fn copy(&self) -> Option<Self> {
        match self {
            Self::None => Some(Self::None),
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Stream(..) | Self::Spooled(..) => None,
        }
    }

    /// The body as a stream.
    pub(super) fn into_stream(self) -> UnsyncBoxBody<Bytes, BodyError> {
        match self {
            Self::None => Body::empty().boxed_unsync(),
            Self::Bytes(bytes) => Body::from(bytes).boxed_unsync(),
            Self::Stream(upload, _) => upload.map_err(Into::into).boxed_unsync(),
            Self::Spooled(body, _) => body.boxed_unsync(),
        }
    }
}

/// Keeps a body in memory, or in a nameless file once it is large.
async fn spool(mut body: Upload) -> Result<Content, ContentError> {
    let mut start = BytesMut::new();
    while (start.len() as u64) < SMALL_BYTES {
        match next(&mut body).await? {
            Some(data) => start.extend_from_slice(&data),
            None => return Ok(Content::Bytes(start.freeze())),
        }
    }
    let mut file = tokio::task::spawn_blocking(tempfile::tempfile)
        .await
        .map_err(io::Error::other)??;
    file = write(file, start.freeze()).await?;
    while let Some(data) = next(&mut body).await? {
        file = write(file, data).await?;
    }
    let length = file.stream_position()?;
    let body = FileBody::new(file, [Piece::File(0..length)]);
    Ok(Content::Spooled(Body::File(body), length))
}

/// The next data of a body; trailers are left out.
async fn next(body: &mut Upload) -> Result<Option<Bytes>, UploadError> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

async fn write(mut file: File, data: Bytes) -> io::Result<File> {
    let written = tokio::task::spawn_blocking(move || {
        file.write_all(&data)?;
        Ok(file)
    });
    written.await.map_err(io::Error::other)?
}
