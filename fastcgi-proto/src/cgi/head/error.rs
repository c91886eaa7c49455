//! Why the head of an answer was refused.

use thiserror::Error;

/// What is wrong with the head of an answer. Answer the HTTP client with
/// 502 Bad Gateway; the FastCGI connection itself is still in step.
///
/// `line` counts from 1.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum HeadError {
    /// The answer ended before its first byte.
    #[error("the application sent nothing")]
    Missing,
    /// The answer ended inside its head.
    #[error("the answer ended inside its header block, after {got} bytes")]
    Truncated {
        /// The bytes of the head that had come.
        got: usize,
    },
    /// The heads of one answer are longer than `HeadPolicy::head_bytes`.
    #[error("the header block is longer than {limit} bytes")]
    TooLarge {
        /// The bound that was passed.
        limit: usize,
    },
    /// More fields than `HeadPolicy::head_fields`.
    #[error("the header block has more than {limit} fields")]
    TooManyFields {
        /// The bound that was passed.
        limit: usize,
    },
    /// A line without a colon: no header at all, or a script that prints
    /// before its header.
    #[error("line {line} of the header block has no colon")]
    NoColon {
        /// The line.
        line: usize,
    },
    /// A line that starts with a space or a tab. RFC 3875 has no folding,
    /// and servers disagree about what it means.
    #[error("line {line} of the header block continues the line before it")]
    Folded {
        /// The line.
        line: usize,
    },
    /// A field name that is empty or has a byte outside RFC 9110's `token`;
    /// a space before the colon is such a byte.
    #[error("line {line} of the header block has a bad field name")]
    BadName {
        /// The line.
        line: usize,
    },
    /// A control character in a value: NUL, a bare CR.
    #[error("line {line} of the header block has byte {byte:#04x} in its value")]
    BadValue {
        /// The line.
        line: usize,
        /// The byte.
        byte: u8,
    },
    /// `Status` is not three digits, alone or followed by a space.
    #[error("line {line} of the header block has a bad status")]
    BadStatus {
        /// The line.
        line: usize,
    },
    /// A status outside `HeadPolicy::status`.
    #[error("status {got} is out of range")]
    StatusOutOfRange {
        /// The status.
        got: u16,
    },
    /// `Status: 101`: CGI has no way to switch protocols.
    #[error("the application switches protocols, which CGI cannot")]
    SwitchingProtocols,
    /// `Content-Length` is not a plain decimal number below 2^64.
    #[error("line {line} of the header block has a bad Content-Length")]
    BadContentLength {
        /// The line.
        line: usize,
    },
    /// A field that decides about the answer came twice, with different
    /// values.
    #[error("the header block has two different {field} fields")]
    Conflict {
        /// The field's usual name.
        field: &'static str,
    },
    /// The first line is an HTTP status line, as non-parsed-header scripts
    /// send it, and the policy is `Nph::Reject`.
    #[error("the answer starts with an HTTP status line instead of CGI fields")]
    StatusLine,
    /// The status line is not `HTTP/d.d` and a status, or another status
    /// than the `Status` field.
    #[error("the answer starts with a bad HTTP status line")]
    BadStatusLine,
}
