//! The FastCGI 1.0 protocol without I/O: records, params, both connection roles, and the CGI layer above them.

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]
