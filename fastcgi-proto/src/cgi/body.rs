//! Whether the body of an answer is what its head promised.

use bytes::Bytes;
use thiserror::Error;

/// The application sent more body than its head allows.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the body is {by} bytes longer than its head allows")]
#[non_exhaustive]
pub struct Excess {
    /// How many bytes of this piece were too many.
    pub by: usize,
}

/// The body ended before its `Content-Length`.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the body ended {missing} bytes before its Content-Length")]
#[non_exhaustive]
pub struct Short {
    /// How many bytes are missing.
    pub missing: u64,
}

/// Holds the body of an answer against its head: made by
/// [`Head::body_check`](super::Head::body_check).
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use fastcgi_proto::cgi::{HeadParser, HeadPolicy, Push};
///
/// let mut parser = HeadParser::new(HeadPolicy::default());
/// let Push::Final(head, mut body) =
///     parser.push(Bytes::from_static(b"Content-Length: 5\r\n\r\nhello, world"))?
/// else {
///     unreachable!("the head is complete");
/// };
/// let mut check = head.body_check(false);
/// let excess = check.admit(&mut body).expect_err("12 bytes instead of 5");
/// assert_eq!((excess.by, &body[..]), (7, &b"hello"[..]));
/// assert_eq!(check.finish(), Ok(()));
/// # Ok::<(), fastcgi_proto::cgi::HeadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyCheck {
    /// What may still come; `None`: anything.
    left: Option<u64>,
    /// No body belongs to this answer, whatever `Content-Length` says.
    forbidden: bool,
}

impl BodyCheck {
    pub(super) const fn new(content_length: Option<u64>, forbidden: bool) -> Self {
        Self {
            left: if forbidden { Some(0) } else { content_length },
            forbidden,
        }
    }

    /// Whether this answer has no body at all: to HEAD, 1xx, 204, 304. What
    /// the application sends all the same is to be dropped in silence.
    #[must_use]
    pub const fn is_forbidden(&self) -> bool {
        self.forbidden
    }

    /// Counts the next piece of body and cuts it to the part that may be
    /// passed on.
    ///
    /// # Errors
    ///
    /// [`Excess`] when a part was cut off. The connection to the application
    /// is still in step: pass on what is left, and log the fault unless
    /// [`is_forbidden`](Self::is_forbidden).
    pub fn admit(&mut self, data: &mut Bytes) -> Result<(), Excess> {
        let Some(left) = &mut self.left else {
            return Ok(());
        };
        let allowed = usize::try_from(*left).map_or(data.len(), |left| left.min(data.len()));
        let by = data.len() - allowed;
        data.truncate(allowed);
        *left -= allowed as u64;
        if by == 0 { Ok(()) } else { Err(Excess { by }) }
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// [`Short`] when bytes are missing: the client must not take the answer
    /// for a whole one, so close its connection (HTTP/1) or reset the stream.
    pub const fn finish(&self) -> Result<(), Short> {
        match self.left {
            None | Some(0) => Ok(()),
            Some(missing) => Err(Short { missing }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_of_declared_length_passes_in_pieces() {
        let mut check = BodyCheck::new(Some(6), false);
        for piece in [&b"abc"[..], b"", b"def"] {
            assert!(check.finish().is_err());
            let mut data = Bytes::from_static(piece);
            assert_eq!(check.admit(&mut data), Ok(()));
            assert_eq!(data, piece);
        }
        assert_eq!(check.finish(), Ok(()));
    }

    #[test]
    fn short_body_says_what_is_missing() {
        let mut check = BodyCheck::new(Some(6), false);
        check.admit(&mut Bytes::from_static(b"ab")).unwrap();
        assert_eq!(check.finish(), Err(Short { missing: 4 }));
    }

    #[test]
    fn forbidden_body_is_cut_whole_and_never_short() {
        let mut check = BodyCheck::new(Some(6), true);
        assert!(check.is_forbidden());
        let mut data = Bytes::from_static(b"abc");
        assert_eq!(check.admit(&mut data), Err(Excess { by: 3 }));
        assert!(data.is_empty());
        assert_eq!(check.finish(), Ok(()));
    }

    #[test]
    fn undeclared_body_is_free() {
        let mut check = BodyCheck::new(None, false);
        assert_eq!(check.admit(&mut Bytes::from_static(b"abc")), Ok(()));
        assert_eq!(check.finish(), Ok(()));
    }
}
