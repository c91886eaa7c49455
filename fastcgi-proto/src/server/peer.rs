//! How much a peer's close says.

/// What is known about a peer that sends no more, for
/// [`handle_eof`](super::Connection::handle_eof).
///
/// Web servers abort a request by closing its connection, usually after they
/// have sent all of it. A few clients close their sending side alone to say
/// that their input is complete, and wait for the answer. Only the transport
/// can tell the two apart, and not every transport does:
///
/// | transport | the peer closed its sending side | the peer closed |
/// |---|---|---|
/// | Unix socket | `Half`: end of input | `Full`: end of input, and a hang-up (`POLLHUP`) |
/// | TCP | `Unknown`: a FIN | `Unknown`: a FIN; `Full` once a RST answers what is written |
///
/// nginx, Apache, lighttpd, caddy, HAProxy and h2o never close their sending
/// side alone: over TCP, a FIN of theirs means that they have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerClose {
    /// It has closed its sending side and still reads: requests with complete
    /// input go on.
    Half,
    /// It has closed its sending side at least. Whether requests with
    /// complete input go on is decided by
    /// [`Config::half_close`](super::Config::half_close).
    Unknown,
    /// It is gone: nobody reads what is written.
    Full,
}
