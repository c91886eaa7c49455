//! An HTTP server for PHP sites; see `examples::serve`.

use std::process::ExitCode;

fn main() -> ExitCode {
    examples::serve::main()
}
