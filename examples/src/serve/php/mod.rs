//! Who runs the scripts: workers of our own, or FastCGI servers.

mod backend;
mod body;
mod fpm_conf;
mod upstream;
mod workers;

pub(crate) use backend::{Backend, BackendStatus};
pub(crate) use body::{BodyError, ScriptBody};
pub(crate) use upstream::UpstreamStatus;
