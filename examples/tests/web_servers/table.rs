//! What tells the web servers apart, by what they document.
//!
//! Much else differs between their releases, and none of it matters to an
//! application: whether a large head or a body without length is taken, with
//! which status it is refused, what `CONTENT_LENGTH` says where there is no
//! body. The cases take whatever the installed one does there, and hold it to
//! what an application relies on. Seen so far:
//!
//! | | no body | body without length | 70 KiB of fields |
//! |---|---|---|---|
//! | nginx 1.22 | empty | buffered | 500 |
//! | lighttpd 1.4.69 | 0 | buffered | 400 |
//! | Apache 2.4 | absent | streamed, no length | taken |
//! | caddy 2.6 | 0 | streamed, length -1; 411 in later ones | taken |
//! | h2o 2.2 | absent | buffered | taken |
//! | HAProxy 2.6 | 0 | 400 beyond its buffer | 400 |

use peers::Gateway;

/// One web server.
pub(crate) struct Server {
    pub(crate) start: fn(u16) -> Gateway,
    pub(crate) connections: Connections,
    pub(crate) client_gone: ClientGone,
}

/// What becomes of a connection to the application after an answer.
pub(crate) enum Connections {
    /// It is used again.
    Kept,
    /// It may be closed.
    Closed,
}

/// What the application learns when the client leaves while it is silent, at
/// the latest; other releases may tell earlier.
///
/// None of these servers was seen to close its sending side alone, or to send
/// `ABORT_REQUEST`.
pub(crate) enum ClientGone {
    /// At once: the connection to the application is closed.
    Closes,
    /// Once the application writes: the connection is closed when passing
    /// that on has failed.
    TellsWhenWritten,
    /// Nothing: the whole answer may be read and thrown away.
    Waits,
}

/// With `fastcgi_ignore_client_abort off`, its default.
pub(crate) const NGINX: Server = Server {
    start: Gateway::nginx,
    connections: Connections::Kept,
    client_gone: ClientGone::Closes,
};

/// It holds back an answer until that is complete.
pub(crate) const LIGHTTPD: Server = Server {
    start: Gateway::lighttpd,
    connections: Connections::Closed,
    client_gone: ClientGone::Waits,
};

/// With `server.stream-response-body = 2`.
pub(crate) const LIGHTTPD_STREAMING: Server = Server {
    start: Gateway::lighttpd_streaming,
    client_gone: ClientGone::TellsWhenWritten,
    ..LIGHTTPD
};

pub(crate) const APACHE: Server = Server {
    start: Gateway::apache,
    connections: Connections::Kept,
    client_gone: ClientGone::TellsWhenWritten,
};

pub(crate) const CADDY: Server = Server {
    start: Gateway::caddy,
    connections: Connections::Closed,
    client_gone: ClientGone::TellsWhenWritten,
};

pub(crate) const H2O: Server = Server {
    start: Gateway::h2o,
    connections: Connections::Kept,
    client_gone: ClientGone::TellsWhenWritten,
};

/// That a client left it notices when its buffer of 16 KiB is full of output,
/// or, with `option abortonclose` in the section `defaults`, with the first
/// output; both as of 2.6.
pub(crate) const HAPROXY: Server = Server {
    start: Gateway::haproxy,
    connections: Connections::Kept,
    client_gone: ClientGone::TellsWhenWritten,
};
