//! What a web server's records mean to the application.

use bytes::Bytes;

use crate::wire::Role;
use crate::{Params, RequestId};

/// What the next bytes of input mean.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A request with its params, which are complete. Its answer may begin.
    Request {
        /// The request.
        request: RequestId,
        /// What is asked for.
        role: Role,
        /// Its params, in the order received.
        params: Params,
        /// Whether the connection outlives it.
        keep_conn: bool,
    },
    /// The next bytes of the body, never empty, never more than
    /// `CONTENT_LENGTH` says. Report them as
    /// [`consumed`](super::Connection::consumed).
    Stdin {
        /// The request.
        request: RequestId,
        /// The next bytes.
        content: Bytes,
    },
    /// The body is complete.
    StdinEnd {
        /// The request.
        request: RequestId,
        /// Whether it is as long as `CONTENT_LENGTH` said. A Responder that
        /// changes something refuses a short body (FastCGI 1.0, section 6.2).
        check: LengthCheck,
    },
    /// The next bytes of a Filter's file, with the same rules as `Stdin`.
    Data {
        /// The request.
        request: RequestId,
        /// The next bytes.
        content: Bytes,
    },
    /// A Filter's file is complete.
    DataEnd {
        /// The request.
        request: RequestId,
        /// Whether it is as long as `FCGI_DATA_LENGTH` said.
        check: LengthCheck,
    },
    /// Nobody waits for the answer any more: the web server said so
    /// (`ABORT_REQUEST`), or closed the connection, which is how nearly all of
    /// them abort. End the request soon.
    Abort {
        /// The request.
        request: RequestId,
    },
}

/// What came of a stream, compared with what was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LengthCheck {
    /// As much as declared.
    Exact,
    /// No length, or none that is a number, was declared.
    Undeclared,
    /// Less than declared.
    Short {
        /// Bytes that are missing.
        missing: u64,
    },
    /// More than declared; the surplus was dropped.
    Excess {
        /// Bytes that were dropped.
        by: u64,
    },
}
