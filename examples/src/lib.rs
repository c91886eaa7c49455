//! What the programs of this package share.

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]
#![allow(
    clippy::exhaustive_enums,
    reason = "the programs of this package handle every case"
)]

pub mod address;
pub mod duration;
pub mod echo_app;
pub mod fcgi;
pub mod fpmconf;
pub mod listener;
pub mod serve;
pub mod session;
