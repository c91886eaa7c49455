//! `serve`: an HTTP server for PHP sites.
//!
//! A request comes in through `connection` (protocols and their time
//! limits), becomes an answer in `server`, which asks `site` what the
//! path means and then `files` or `php` for the content, and leaves a
//! trace in `log` and `status`.

mod cli;
mod connection;
mod failure;
mod files;
mod http;
mod io;
mod limits;
mod log;
mod php;
mod run;
mod sample;
mod server;
mod sessions;
mod setup;
mod site;
mod status;

pub use run::main;
