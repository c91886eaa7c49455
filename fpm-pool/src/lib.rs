//! Supervises pools of PHP (or any FastCGI) worker processes: sizes, queues, dispatches, limits, reloads and reports.

#![warn(clippy::unwrap_used)]
