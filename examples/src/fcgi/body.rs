//! The body of the request, with its length.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fastcgi_proto::driver::{self, BoxError};

use super::Failure;

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// A body whose length is known before its first byte is sent: PHP needs
/// `CONTENT_LENGTH`. The default is no body.
#[derive(Debug, Default)]
pub(super) struct Body {
    file: Option<File>,
    length: u64,
    left: u64,
}

impl Body {
    /// Opens `path`, or standard input for `-`. What is not a regular file is
    /// copied to a temporary one first.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = if path == Path::new("-") {
            duplicate_stdin()
        } else {
            File::open(path)
        };
        match file.and_then(measure) {
            Ok((file, length)) => Ok(Self {
                file: Some(file),
                length,
                left: length,
            }),
            Err(error) => Err(Failure::Body {
                path: path.to_owned(),
                error,
            }),
        }
    }

    /// The bytes it had when it was opened.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// The next bytes, none at the end: no more than there were when it was
    /// opened.
    fn read(&mut self) -> io::Result<Bytes> {
        let wanted = usize::try_from(self.left).map_or(CHUNK, |left| left.min(CHUNK));
        let mut chunk = vec![0; wanted];
        let got = match &mut self.file {
            Some(file) => file.read(&mut chunk)?,
            None => 0,
        };
        chunk.truncate(got);
        self.left -= got as u64;
        Ok(chunk.into())
    }
}

/// Files do not block for long, and nothing else runs in this program.
impl driver::Body for Body {
    fn poll_content(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        Poll::Ready(match self.get_mut().read() {
            // A file that became shorter is found out by its length.
            Ok(content) if content.is_empty() => None,
            Ok(content) => Some(Ok(content)),
            Err(error) => Some(Err(error.into())),
        })
    }
}

/// The file, or a copy of what is none, and the bytes that are left in it.
fn measure(mut file: File) -> io::Result<(File, u64)> {
    let kind = file.metadata()?;
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return spool(file);
    }
    let start = file.stream_position()?;
    Ok((file, kind.len().saturating_sub(start)))
}

fn duplicate_stdin() -> io::Result<File> {
    let owned = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(File::from(owned))
}

/// Copies a stream of unknown length into a temporary file without a name.
fn spool(mut stream: File) -> io::Result<(File, u64)> {
    let mut file = tempfile::tempfile()?;
    let length = io::copy(&mut stream, &mut file)?;
    file.flush()?;
    file.rewind()?;
    Ok((file, length))
}
