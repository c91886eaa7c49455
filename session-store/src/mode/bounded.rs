//! Operations that end in time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::time::Instant;

/// The outcome of `operation`, or `None` if it is not there `until` then.
///
/// The time is asked for, and a timer set, only if there is something to wait
/// for; in memory and on a local disk there mostly is not.
pub(crate) async fn bounded<T>(
    operation: impl Future<Output = T>,
    until: impl FnOnce() -> Instant,
) -> Option<T> {
    let mut operation = pin!(operation);
    let mut timer = pin!(None);
    let mut until = Some(until);
    poll_fn(|context| {
        if let Poll::Ready(outcome) = operation.as_mut().poll(context) {
            return Poll::Ready(Some(outcome));
        }
        if let Some(until) = until.take() {
            timer.set(Some(tokio::time::sleep_until(until())));
        }
        match timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(context).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_ready_asks_for_no_time() {
        let outcome = bounded(async { 7 }, || unreachable!("nothing to wait for")).await;
        assert_eq!(outcome, Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_dropped() {
        let soon = || Instant::now() + Duration::from_secs(1);
        assert_eq!(bounded(std::future::pending::<()>(), soon).await, None);
        let quick = tokio::time::sleep(Duration::from_millis(10));
        assert_eq!(bounded(quick, soon).await, Some(()));
    }
}
