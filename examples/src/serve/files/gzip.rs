//! A file compressed while it is sent.

use std::fs::File;
use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::mpsc;

/// How much is read, and about how much is sent, at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Most of the gain for little time.
const LEVEL: u32 = 5;

/// Starts to compress all of `file` on a thread; two chunks wait for a slow
/// client at most. The receiver gets the error of reading, if there is one.
pub(super) fn start(file: File) -> mpsc::Receiver<io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        // The receiver may have left; there is nobody to tell then.
        if let Err(error) = compress(file, &sender) {
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn compress(mut file: File, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        encoder.write_all(&buffer[..length])?;
        if encoder.get_ref().len() >= CHUNK_BYTES {
            let chunk = std::mem::take(encoder.get_mut());
            if sender.blocking_send(Ok(chunk.into())).is_err() {
                return Ok(());
            }
        }
    }
    let rest = encoder.finish()?;
    let _ = sender.blocking_send(Ok(rest.into()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use flate2::read::GzDecoder;

    use super::*;

    #[tokio::test]
    async fn compressed_file_unpacks_to_the_same_bytes() {
        let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        file.rewind().unwrap();
        let mut body = start(file);
        let mut packed = Vec::new();
        while let Some(chunk) = body.recv().await {
            packed.extend_from_slice(&chunk.unwrap());
        }
        assert!(packed.len() < content.len());
        let mut unpacked = Vec::new();
        GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, content);
    }
}
