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

/// The client leaves while the application is silent.
pub(crate) enum ClientGone {
    /// The connection to the application is closed at once.
    Closes,
    /// The answer may be awaited.
    Waits,
}

pub(crate) const NGINX: Server = Server {
    start: Gateway::nginx,
    connections: Connections::Kept,
    client_gone: ClientGone::Closes,
};

pub(crate) const LIGHTTPD: Server = Server {
    start: Gateway::lighttpd,
    connections: Connections::Closed,
    client_gone: ClientGone::Waits,
};

pub(crate) const APACHE: Server = Server {
    start: Gateway::apache,
    connections: Connections::Kept,
    client_gone: ClientGone::Waits,
};

pub(crate) const CADDY: Server = Server {
    start: Gateway::caddy,
    connections: Connections::Closed,
    client_gone: ClientGone::Waits,
};

pub(crate) const H2O: Server = Server {
    start: Gateway::h2o,
    connections: Connections::Kept,
    client_gone: ClientGone::Waits,
};

pub(crate) const HAPROXY: Server = Server {
    start: Gateway::haproxy,
    connections: Connections::Kept,
    client_gone: ClientGone::Waits,
};
