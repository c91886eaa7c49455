//! A running server, a site on disk, and a client that shows every byte.

mod client;
mod server;
mod site;

pub(crate) use client::{Answer, form, request};
pub(crate) use server::{Serve, command};
pub(crate) use site::{Site, stores};

/// Polls until `condition` holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    peers::wait_until(what, condition);
}
