//! Ctrl-C, a closed terminal and SIGTERM: no process and no file is left.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process;
use std::thread;
use std::time::Duration;

use futures::future::select_all;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid, getpgrp};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::machine;

/// Keeps every temporary file of this run in one folder, and ends all that it
/// started when the program is asked to end. The folder goes with this value.
///
/// # Errors
///
/// When the temporary folder cannot be written, or signals not be waited for.
pub fn guard() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("compare-").tempdir()?;
    // Servers that run as another user have their files in it.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    tempfile::env::override_temp_dir(folder.path())
        .map_err(|_| io::Error::other("the temporary folder was chosen before"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut signals = {
        let _context = runtime.enter();
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        kinds
            .map(signal)
            .into_iter()
            .collect::<io::Result<Vec<_>>>()?
    };
    let path = folder.path().to_owned();
    thread::spawn(move || {
        let any = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
        runtime.block_on(select_all(any));
        end(&path)
    });
    Ok(folder)
}

/// Kills everything below this process, removes its files, and ends it as the
/// shell expects of Ctrl-C.
fn end(folder: &Path) -> ! {
    // A master may have started a worker while the first round was under way.
    for _ in 0..3 {
        for pid in machine::tree(&[process::id()]).into_iter().skip(1) {
            let Ok(pid) = i32::try_from(pid).map(Pid::from_raw) else {
                continue;
            };
            // Who is gone already needs no signal.
            if let Ok(group) = getpgid(Some(pid))
                && group != getpgrp()
            {
                let _ = killpg(group, Signal::SIGKILL);
            }
            let _ = kill(pid, Signal::SIGKILL);
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = fs::remove_dir_all(folder);
    process::exit(130)
}
