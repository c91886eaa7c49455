//! Ours: `serve` with its own workers.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use peers::Peer;

use super::{Contender, OURS, Setup};

/// Builds the `serve` of this source tree and returns where it is.
///
/// # Errors
///
/// When it does not build.
pub fn build_serve() -> Result<PathBuf, String> {
    build_program("serve")
}

/// Builds a program of the package `examples` and returns where it is: what
/// is measured is never an old build.
///
/// # Errors
///
/// When it does not build.
pub fn build_program(name: &str) -> Result<PathBuf, String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let here = env::current_exe().map_err(|error| error.to_string())?;
    let folder = here.parent().ok_or("the running program has no folder")?;
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--quiet",
            "--release",
            "-p",
            "examples",
            "--bin",
            name,
        ])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(
            folder
                .parent()
                .ok_or("the running program has no target folder")?,
        )
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!("`{name}` does not build"));
    }
    Ok(folder.with_file_name("release").join(name))
}

/// Starts `serve` with its own workers.
///
/// # Errors
///
/// None: a `serve` that does not come up shows when it is asked.
pub fn start(setup: &Setup<'_>) -> Result<Contender, String> {
    let workers = setup.workers.to_string();
    Ok(start_with(
        setup,
        &["--workers", &workers, "--queue", "4096"],
    ))
}

/// Starts `serve` with options of the caller's.
#[must_use]
pub fn start_with(setup: &Setup<'_>, options: &[&str]) -> Contender {
    let port = peers::free_port();
    let mut command = Command::new(setup.serve);
    command
        .arg(setup.root)
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(options);
    let process = Peer::start(command, Peer::folder());
    Contender::new(OURS, port, setup.workers, vec![process])
}
