//! What a layer does the same for all requests.

use std::borrow::Cow;
use std::time::Duration;

use crate::{IdPolicy, Limits, SerializeHandler};

/// How a request and others of the same session get along.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Mode {
    /// One request at a time, from its first use of the session to its end:
    /// PHP's semantics.
    #[default]
    Locked,
    /// All at once; changes of different variables are merged, changes of
    /// the same variable are a conflict, and the request fails with 409.
    Optimistic,
    /// No lock and no changes.
    ReadOnly,
}

/// `session.cookie_samesite`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum SameSite {
    /// Sent with top-level navigation from other sites too.
    #[default]
    Lax,
    /// Never sent from other sites.
    Strict,
    /// Always sent; browsers want [`secure`](crate::tower::SessionLayer::secure) with it.
    None,
}

impl SameSite {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) handler: SerializeHandler,
    pub(super) limits: Limits,
    pub(super) mode: Mode,
    pub(super) policy: IdPolicy,
    pub(super) cookie: Cookie,
}

#[derive(Clone, Debug)]
pub(super) struct Cookie {
    pub(super) name: Cow<'static, str>,
    pub(super) path: Cow<'static, str>,
    pub(super) domain: Option<Cow<'static, str>>,
    pub(super) lifetime: Option<Duration>,
    pub(super) secure: bool,
    pub(super) same_site: SameSite,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            handler: SerializeHandler::Php,
            limits: Limits::default(),
            mode: Mode::default(),
            policy: IdPolicy::Strict,
            cookie: Cookie {
                name: Cow::Borrowed("PHPSESSID"),
                path: Cow::Borrowed("/"),
                domain: None,
                lifetime: None,
                secure: false,
                same_site: SameSite::default(),
            },
        }
    }
}
