//! What the parser of heads accepts.

/// What [`HeadParser`](super::HeadParser) accepts, and its bounds.
///
/// # Examples
///
/// ```
/// use fastcgi_proto::cgi::{HeadPolicy, Nph};
///
/// let mut policy = HeadPolicy::default();
/// policy.nph = Nph::Accept;
/// policy.x_sendfile = true;
/// assert_eq!(policy.head_bytes, 64 * 1024);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeadPolicy {
    /// The most bytes of all heads of one answer together, 1xx heads and line
    /// ends counted: 64 KiB.
    pub head_bytes: usize,
    /// The most fields of one head, the removed ones counted: 256.
    pub head_fields: usize,
    /// What to do with an HTTP status line: reject it.
    pub nph: Nph,
    /// Which statuses are accepted: 100 to 599.
    pub status: StatusRange,
    /// Take `X-Sendfile` out of the fields and return it as
    /// [`Handover::SendFile`](super::Handover::SendFile): off, as it lets the
    /// application name any file.
    pub x_sendfile: bool,
    /// Take `X-Accel-Redirect` out of the fields and return it as
    /// [`Handover::AccelRedirect`](super::Handover::AccelRedirect): off.
    pub x_accel_redirect: bool,
}

impl Default for HeadPolicy {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            head_fields: 256,
            nph: Nph::Reject,
            status: StatusRange::Registered,
            x_sendfile: false,
            x_accel_redirect: false,
        }
    }
}

/// What to do with an answer whose first line is an HTTP status line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Nph {
    /// Refuse it: FastCGI has no non-parsed headers (FastCGI 1.0, section 6.2).
    #[default]
    Reject,
    /// Take its status, as PHP with `cgi.rfc2616_headers=1` needs it.
    Accept,
}

/// Which statuses an application may send.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum StatusRange {
    /// 100 to 599: the five classes of RFC 9110.
    #[default]
    Registered,
    /// 100 to 999: every status of three digits, as some sites invent them.
    ThreeDigits,
}

impl StatusRange {
    pub(super) const fn holds(self, status: u16) -> bool {
        let last = match self {
            Self::Registered => 599,
            Self::ThreeDigits => 999,
        };
        status >= 100 && status <= last
    }
}
