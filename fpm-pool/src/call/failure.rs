//! Saying what went wrong: as an error, and in the log.

use fastcgi_proto::cgi::Excess;

use super::running::Running;
use super::stop::Stop;
use crate::exchange::Failure;
use crate::request::find_param;
use crate::shared::Cause;
use crate::text::Printable;
use crate::{Error, ErrorKind, ExitReason};

impl Running {
    /// The error for the caller; what the worker did is logged with the
    /// script.
    pub(super) async fn explain(self, stop: Stop) -> Error {
        let cause = if stop.is_closed() {
            self.lease.cause().await
        } else {
            Cause::Closed
        };
        let kind = match cause {
            Cause::Cut(kind) => kind,
            Cause::Died(_) => ErrorKind::WorkerDied,
            Cause::Closed => stop.kind(),
        };
        let error = self.lease.shared().or_lost(self.lease.error(kind));
        let error = match (cause, stop) {
            (Cause::Cut(_), _) => error,
            _ if error.kind() == ErrorKind::Runtime => error,
            (Cause::Died(reason), _) => error.caused_by(died(reason)),
            (Cause::Closed, Stop::Failed(Failure::Closed { error: cause, .. })) => {
                error.caused_by(cause)
            }
            (Cause::Closed, Stop::Failed(Failure::Garbage(cause) | Failure::Body(cause))) => {
                error.caused_by(cause)
            }
            (Cause::Closed, Stop::Failed(Failure::Begin(cause))) => error.caused_by(cause),
            (Cause::Closed, Stop::Head(cause)) => error.caused_by(cause),
            (Cause::Closed, Stop::BadHead(cause)) => error.caused_by(cause),
            (Cause::Closed, Stop::Short(cause)) => error.caused_by(cause),
            (Cause::Closed, Stop::Refused(status)) => error.caused_by(format!("{status:?}")),
        };
        self.log(&error);
        error
    }

    /// A script that sends more than its own `Content-Length` is cut short.
    pub(super) fn log_excess(&self, excess: Excess) {
        let (script, uri) = (self.param(b"SCRIPT_FILENAME"), self.param(b"REQUEST_URI"));
        let pool = &*self.lease.shared().name;
        let pid = self.lease.process_id;
        tracing::warn!(pool, pid, script, uri, "the answer is cut off: {excess}");
    }

    fn param(&self, name: &[u8]) -> String {
        let value = find_param(self.request(), name).unwrap_or_default();
        Printable(value).to_string()
    }

    fn log(&self, error: &Error) {
        let cause = std::error::Error::source(error).map(tracing::field::display);
        let (script, uri) = (self.param(b"SCRIPT_FILENAME"), self.param(b"REQUEST_URI"));
        let pool = &*self.lease.shared().name;
        let pid = self.lease.process_id;
        if error.kind() == ErrorKind::RequestBody {
            // The client's doing, and common: not worth a warning.
            tracing::debug!(pool, pid, script, uri, cause, "{error}");
        } else {
            tracing::error!(pool, pid, script, uri, cause, "{error}");
        }
    }
}

fn died(reason: ExitReason) -> String {
    format!("it {reason}")
}
