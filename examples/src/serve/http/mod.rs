//! Requests and answers: what is refused at once, who a request comes from,
//! bodies both ways, and the server's own pages.

mod body;
mod check;
mod origin;
pub(crate) mod pages;
mod upload;

pub(crate) use body::{Body, BodyError};
pub(crate) use check::{check, content_length, host};
pub(crate) use origin::{Origin, TrustedProxy};
pub(crate) use upload::{Upload, UploadError};
