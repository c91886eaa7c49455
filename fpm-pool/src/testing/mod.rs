//! For tests of code that uses a pool: workers that exist in this process
//! only, and the rules of a pool in simulated time.

mod fake;
mod simulation;

pub use fake::{FakeRequest, FakeSpawner, FakeWorkers};
pub use simulation::{Admission, Simulation};
