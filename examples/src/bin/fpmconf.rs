//! `fpmconf`: checks, shows, explains, edits and plans php-fpm configurations.

use std::process::ExitCode;

use clap::Parser;
use examples::fpmconf::{Args, run};

fn main() -> ExitCode {
    run(&Args::parse())
}
