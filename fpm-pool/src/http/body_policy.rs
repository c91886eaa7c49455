//! How bodies are read before a worker is asked for.

use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;

use super::check::content_length;
use super::content::Content;
use super::spool::{Disk, Writer};
use super::upload::{Upload, UploadError};
use crate::request::BoxError;

/// How much of a body is written to disk at once: each write goes to a
/// thread that may wait.
const WRITE_BYTES: usize = 256 * 1024;

/// How the bodies of requests reach the workers, and their bounds.
///
/// By default a worker is asked for when a body is whole: a slow client then
/// holds none. Up to [`memory_bytes`](Self::memory_bytes) are kept in memory,
/// longer ones in nameless files, which take at most
/// [`disk_bytes`](Self::disk_bytes) together. Copies of a policy share that
/// room, so that several sites have one bound.
///
/// # Examples
///
/// ```
/// use fpm_pool::http::BodyPolicy;
/// use http_body_util::Full;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let policy = BodyPolicy::default().max_bytes(8 << 20);
/// let body = Full::new(bytes::Bytes::from_static(b"a=b"));
/// let content = policy.read(&http::HeaderMap::new(), body).await;
/// assert_eq!(content.unwrap().length(), Some(3));
///
/// let long = Full::new(bytes::Bytes::from(vec![0; 9 << 20]));
/// let refused = policy.read(&http::HeaderMap::new(), long).await;
/// assert_eq!(refused.unwrap_err().status().as_u16(), 413);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BodyPolicy {
    max_bytes: u64,
    memory_bytes: usize,
    stall: Option<Duration>,
    streams: bool,
    disk: Disk,
}

impl Default for BodyPolicy {
    fn default() -> Self {
        Self {
            max_bytes: 4 << 30,
            memory_bytes: 64 * 1024,
            stall: Some(Duration::from_secs(30)),
            streams: false,
            disk: Disk::new(16 << 30, None),
        }
    }
}

impl BodyPolicy {
    /// The longest body; longer ones are answered with 413. 4 GiB by default.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How much of one body is kept in memory. 64 KiB by default.
    #[must_use]
    pub const fn memory_bytes(mut self, bytes: usize) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// How much all bodies together may take on disk; those for which there
    /// is no room are answered with 503. 16 GiB by default.
    #[must_use]
    pub fn disk_bytes(mut self, bytes: u64) -> Self {
        self.disk = Disk::new(bytes, self.disk.folder().cloned());
        self
    }

    /// The folder for bodies on disk, instead of the system's one for
    /// temporary files.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.disk = self.disk.in_folder(folder.into());
        self
    }

    /// How long a client may send nothing of a body; then 408. 30 seconds by
    /// default; `None` is no limit.
    #[must_use]
    pub fn stall(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.stall = limit.into();
        self
    }

    /// Gives a body that is too large for memory, and whose length the client
    /// says, to a worker as it comes: PHP sees its start earlier and nothing
    /// is written to disk, but a slow client holds a worker. Off by default.
    #[must_use]
    pub const fn streams(mut self, streams: bool) -> Self {
        self.streams = streams;
        self
    }

    pub(super) const fn is_streaming(&self) -> bool {
        self.streams
    }

    /// Reads a body as the policy says. Drop the future, and what was read is
    /// gone.
    ///
    /// # Errors
    ///
    /// When the client breaks a limit or leaves, or the disk is full:
    /// [`UploadError::status`] says what to answer.
    pub async fn read<B>(&self, headers: &HeaderMap, body: B) -> Result<Content, UploadError>
    where
        B: Body<Data: Into<Bytes>, Error: Into<BoxError>> + Send + 'static,
    {
        self.read_as(headers, body, self.streams).await
    }

    /// As [`read`](Self::read), with or without streams.
    pub(super) async fn read_as<B>(
        &self,
        headers: &HeaderMap,
        body: B,
        streams: bool,
    ) -> Result<Content, UploadError>
    where
        B: Body<Data: Into<Bytes>, Error: Into<BoxError>> + Send + 'static,
    {
        if body.is_end_stream() {
            return Ok(Content::empty());
        }
        let promised = content_length(headers);
        if promised.is_some_and(|length| length > self.max_bytes) {
            return Err(UploadError::TooLong);
        }
        let upload = Upload::new(body, self.max_bytes, self.stall);
        match promised.filter(|&length| streams && length > self.memory_bytes as u64) {
            Some(length) => Ok(Content::stream(upload, length)),
            None => self.keep(upload).await,
        }
    }

    /// Keeps a body in memory, or on disk once it is large.
    async fn keep(&self, mut body: Upload) -> Result<Content, UploadError> {
        let Some(first) = body.next().await? else {
            return Ok(Content::from(Bytes::new()));
        };
        // What came in one piece is not copied.
        if first.len() <= self.memory_bytes && body.is_end_stream() {
            return Ok(Content::from(first));
        }
        let mut start = BytesMut::from(first);
        while start.len() <= self.memory_bytes {
            match body.next().await? {
                Some(data) => start.extend_from_slice(&data),
                None => return Ok(Content::from(start.freeze())),
            }
        }
        let (mut file, mut buffer) = Writer::create(&self.disk, start).await?;
        while let Some(data) = body.next().await? {
            buffer.extend_from_slice(&data);
            if buffer.len() >= WRITE_BYTES {
                (file, buffer) = file.write(buffer).await?;
            }
        }
        (file, _) = file.write(buffer).await?;
        Ok(Content::on_disk(file.finish()))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};

    use super::*;

    fn body(bytes: usize) -> Full<Bytes> {
        Full::new(
            (0..bytes)
                .map(|at| at.to_le_bytes()[0])
                .collect::<Vec<_>>()
                .into(),
        )
    }

    async fn read(policy: &BodyPolicy, bytes: usize) -> Result<Content, UploadError> {
        policy.read(&HeaderMap::new(), body(bytes)).await
    }

    #[tokio::test]
    async fn large_body_waits_on_disk_and_can_be_read_twice() {
        let policy = BodyPolicy::default().memory_bytes(1000);
        let content = read(&policy, 300_000).await.unwrap();
        assert!(format!("{content:?}").contains("on disk"));
        assert_eq!(content.length(), Some(300_000));
        let expected = body(300_000).collect().await.unwrap().to_bytes();
        for copy in [content.copy().unwrap(), content] {
            let all = copy.into_stream().collect().await.unwrap().to_bytes();
            assert!(all == expected);
        }
    }

    #[tokio::test]
    async fn bodies_share_the_room_on_disk_and_give_it_back() {
        let policy = BodyPolicy::default().memory_bytes(10).disk_bytes(250);
        let other_site = policy.clone().max_bytes(1000);
        let first = read(&policy, 200).await.unwrap();
        let refused = read(&other_site, 100).await.unwrap_err();
        assert!(matches!(refused, UploadError::NoRoom));
        drop(first);
        assert!(read(&other_site, 250).await.is_ok());
    }

    #[tokio::test]
    async fn promised_length_past_the_limit_is_refused_unread() {
        let policy = BodyPolicy::default().max_bytes(10);
        let headers = HeaderMap::from_iter([(http::header::CONTENT_LENGTH, 11.into())]);
        let refused = policy.read(&headers, body(11)).await.unwrap_err();
        assert!(matches!(refused, UploadError::TooLong));
    }

    #[tokio::test]
    async fn only_large_bodies_of_known_length_are_streamed() {
        let policy = BodyPolicy::default().memory_bytes(10).streams(true);
        let headers = HeaderMap::from_iter([(http::header::CONTENT_LENGTH, 11.into())]);
        let streamed = policy.read(&headers, body(11)).await.unwrap();
        assert!(streamed.copy().is_none());
        let kept = read(&policy, 11).await.unwrap();
        assert!(kept.copy().is_some());
    }
}
