//! The program `serve`, from outside: started as a user starts it, asked as
//! a client asks.

mod access_log;
mod adminer;
mod browser;
mod dokuwiki;
mod exclusive;
mod faults;
mod http2;
mod life;
mod limits;
mod php;
mod proxies;
mod security;
mod start;
mod static_files;
mod status;
mod support;
mod upstreams;
