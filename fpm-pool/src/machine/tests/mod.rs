//! The rules, with simulated time.

mod any_order;
mod endless;
mod failing;
mod keys;
mod model;
mod order;
mod policies;
mod processes;
mod queueing;
mod reloading;
mod sizes;
mod stopping;
mod world;
