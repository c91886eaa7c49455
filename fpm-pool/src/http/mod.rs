//! Hosting PHP behind HTTP: from any [`http::Request`] to its answer.
//!
//! [`PhpSite`] is a tower service that holds what a host of PHP has to know:
//! which script a path means and which file must never be shown, what a
//! script is told, how a body reaches it, what becomes of its answer, and
//! which status says what went wrong. It depends on no HTTP server.
//!
//! One level below it, for hosts with their own routing: [`DocumentRoot`]
//! says what a path leads to as a plain [`Resolved`], [`BodyPolicy`] reads a
//! body, and [`Request::from_http`](crate::Request::from_http) makes the
//! request for a [`PoolHandle`](crate::PoolHandle). A [`Backend`] is whatever
//! runs scripts in place of a pool, a [`FileService`] whoever sends files.
//!
//! ```text
//! Request --> TrustedProxies --> HeadLimits --> DocumentRoot --> FileService
//!                                                    |               ^
//!                                                  Script            | X-Sendfile
//!                                                    v               |
//!                                               BodyPolicy ------> Backend --> Response
//! ```

mod backend;
mod body;
mod body_policy;
mod call;
mod check;
mod content;
mod document_root;
mod early;
mod fault;
mod files;
mod handover;
mod names;
mod origin;
mod path;
mod proxies;
mod resolve;
#[cfg(test)]
mod resolve_tests;
mod root;
mod script;
mod service;
mod session_keys;
mod site;
mod spool;
mod trace;
mod upload;

pub use backend::Backend;
pub use body::SiteBody;
pub use body_policy::BodyPolicy;
pub use call::Call;
pub use check::{HeadLimits, requested_host};
pub use content::{Content, ContentBody};
pub use document_root::DocumentRoot;
pub use early::EarlyHints;
pub use fault::Fault;
pub use files::{FileService, NoFiles};
pub use origin::Origin;
pub use proxies::{TrustedProxies, TrustedProxy};
pub use resolve::Resolved;
pub use root::{Found, Symlinks};
pub use script::Script;
pub use session_keys::SessionKeys;
pub use site::{PhpSite, WhenFull};
pub use upload::UploadError;
