//! php-fpm configuration files: parsed without loss, checked as php-fpm does and further, explained and edited.

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]
