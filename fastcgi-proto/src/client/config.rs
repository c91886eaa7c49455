//! How a web server connection behaves.

use crate::wire::MAX_ALIGNED_CONTENT;
use crate::{ConnectionLimits, PairSplit};

/// The settings of a [`Connection`](super::Connection).
///
/// The default is right for php-fpm, php-cgi and every other application
/// that serves one request at a time.
///
/// ```
/// use fastcgi_proto::client::{Config, Mode};
///
/// let mut config = Config::default();
/// config.mode = Mode::Negotiated { max: 8 };
/// assert!(config.keep_conn);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How many requests the connection carries at once.
    pub mode: Mode,
    /// Whether the application is asked to keep the connection open
    /// (`KEEP_CONN`). Default: yes.
    pub keep_conn: bool,
    /// The most content bytes of a record. Default 65528
    /// ([`MAX_ALIGNED_CONTENT`]); more is not safe with php-fpm; 0 counts as
    /// 1.
    pub max_content: u16,
    /// Whether records are padded to multiples of 8. Default: yes.
    /// Terminators never are.
    pub pad: bool,
    /// What to do with a pair that exceeds a record. Default: refuse it.
    pub pair_split: PairSplit,
    /// What an end of the connection without `END_REQUEST` means. Default: an
    /// error.
    pub missing_end: MissingEnd,
    /// What to do with records of unknown type. Default: skip them.
    pub unknown_records: UnknownRecords,
    /// Whether [`BodyLen::Unknown`] is allowed. Default: no. php-fpm ignores
    /// such a body; libfcgi and Go read it.
    pub unknown_length: bool,
    /// Bounds on what is held.
    pub limits: ConnectionLimits,
}

impl Config {
    /// The default with unknown records treated as errors, as nginx does.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            unknown_records: UnknownRecords::Fail,
            ..Self::default()
        }
    }

    /// For applications that read bodies of unknown length and pairs that
    /// cross records: libfcgi, Go, this crate's server side.
    #[must_use]
    pub fn permissive() -> Self {
        Self {
            pair_split: PairSplit::Allow,
            unknown_length: true,
            ..Self::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Exclusive,
            keep_conn: true,
            max_content: MAX_ALIGNED_CONTENT,
            pad: true,
            pair_split: PairSplit::Never,
            missing_end: MissingEnd::Fail,
            unknown_records: UnknownRecords::Skip,
            unknown_length: false,
            limits: ConnectionLimits::default(),
        }
    }
}

/// How many requests a connection carries at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// One. php-fpm garbles two.
    #[default]
    Exclusive,
    /// One, until the peer has answered `GET_VALUES` with
    /// `FCGI_MPXS_CONNS=1` on this connection; then up to `max`.
    Negotiated {
        /// The most requests at once.
        max: u16,
    },
    /// Up to `max`: the peer is known to multiplex.
    Multiplexed {
        /// The most requests at once.
        max: u16,
    },
}

/// What it means when the peer closes without `END_REQUEST`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingEnd {
    /// An error, always.
    #[default]
    Fail,
    /// The end of the request, if the empty `STDOUT` record has come.
    AcceptAfterStdoutEnd,
}

/// What to do with records whose type the specification does not define.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownRecords {
    /// Skip and report them.
    #[default]
    Skip,
    /// Fail the connection.
    Fail,
}

/// The length of a request's body, which is what `CONTENT_LENGTH` must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyLen {
    /// No body: the stream is ended at once, and `CONTENT_LENGTH` is absent,
    /// empty or 0.
    Empty,
    /// Exactly this many bytes, and `CONTENT_LENGTH` says so.
    Exact(u64),
    /// As many as come; there is no `CONTENT_LENGTH`. Only where
    /// [`Config::unknown_length`] allows it.
    Unknown,
}
