//! PHP's ini language as php-fpm reads it, line by line.

mod chars;
mod document;
mod evaluate;
mod grammar;
mod lines;
mod scanner;
mod token;

pub use document::{Document, Element, ElementKind, Line, Statement};
pub(crate) use evaluate::{Names, atoi};
pub(crate) use grammar::{Event, read_line};
pub(crate) use lines::lines;
pub(crate) use scanner::Dialect;
