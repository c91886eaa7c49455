//! The rules, with simulated time.

mod any_order;
mod failing;
mod queueing;
mod reloading;
mod sizes;
mod stopping;
mod world;
