//! Heads before the head.

use std::fmt;
use std::sync::Arc;

use http::Response;

/// Who is told of the 1xx heads (103 Early Hints, for instance) that a script
/// sends before its answer. A host that can pass them on puts it into the
/// extensions of a request; without it they are dropped.
///
/// # Examples
///
/// ```
/// use fpm_pool::http::EarlyHints;
///
/// let (sender, hints) = std::sync::mpsc::channel();
/// let request = http::Request::get("/").extension(EarlyHints::new(move |head| {
///     // A client that has left wants none.
///     let _ = sender.send(head);
/// }));
/// # drop((request, hints));
/// ```
#[derive(Clone)]
pub struct EarlyHints(Arc<dyn Fn(Response<()>) + Send + Sync>);

impl EarlyHints {
    /// Calls `tell` with each head, in order, in the task that waits for the
    /// answer: hand it on and return.
    #[must_use]
    pub fn new(tell: impl Fn(Response<()>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self, head: Response<()>) {
        (self.0)(head);
    }
}

impl fmt::Debug for EarlyHints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlyHints").finish_non_exhaustive()
    }
}
