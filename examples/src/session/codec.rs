use bytes::Bytes;
use session_store::{Document, Limits, SerializeHandler};

use super::Failure;

/// How a store's sessions are written.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    handler: SerializeHandler,
    limits: Limits,
}

impl Codec {
    /// Sessions of this handler.
    #[must_use]
    pub fn new(handler: SerializeHandler, limits: Limits) -> Self {
        Self { handler, limits }
    }

    /// Decodes a session; none at all has no variables.
    ///
    /// # Errors
    ///
    /// [`Failure::Data`] if the bytes are something else.
    pub fn decode(&self, bytes: Option<&Bytes>) -> Result<Document, Failure> {
        let bytes = bytes.cloned().unwrap_or_default();
        Ok(Document::decode(self.handler, bytes, &self.limits)?)
    }

    /// Encodes a session.
    ///
    /// # Errors
    ///
    /// [`Failure::Data`] if the format has no word for a value or name.
    pub fn encode(&self, document: &Document) -> Result<Bytes, Failure> {
        Ok(document.encode(self.handler, &self.limits)?)
    }
}
