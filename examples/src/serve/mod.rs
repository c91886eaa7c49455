//! `serve`: an HTTP server for PHP sites.
//!
//! A request comes in through `connection` (protocols and their time
//! limits) and becomes an answer in `server`, which leaves it to the site of
//! its host: `fpm_pool::http` knows what hosting PHP means, `files` sends
//! files, `php` starts or finds who runs scripts. It leaves a trace in `log`
//! and `status`.

mod answer;
mod cli;
mod client;
mod connection;
mod counters;
mod failure;
mod files;
mod io;
mod limits;
mod log;
mod pages;
mod php;
mod run;
mod sample;
mod server;
mod sessions;
mod settings;
mod setup;
mod sites;
mod status;
mod upload;

pub use run::main;
