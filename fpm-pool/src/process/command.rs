//! Workers that are programs.

use std::env;
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::resource::{Resource, rlim_t};
use nix::sys::stat::Mode;

use tokio::sync::oneshot;

use super::account::Account;
use super::child::ChildProcess;
use super::family::Family;
use super::{CloseFuture, Process, Spawn, SpawnFuture};
use crate::sys::{ChildSetup, PrivateListener, prepare};
use crate::{Environment, Error, ErrorKind, ResourceLimit, Scheduling, WorkerCommand, WorkerId};

/// Starts workers by executing a program, each with a listening socket of its
/// own.
#[derive(Debug)]
pub struct CommandSpawner {
    plan: Arc<Plan>,
    /// From the first start on.
    family: Mutex<Option<Arc<Family>>>,
}

/// What it executes.
#[derive(Debug)]
struct Plan {
    command: WorkerCommand,
    program: PathBuf,
    setup: ChildSetup,
    environment: Vec<(OsString, OsString)>,
}

impl CommandSpawner {
    /// Looks up everything that can be looked up before the first start.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config), with a source that says what is
    /// missing: the program, a user, a group, a folder.
    pub fn new(command: WorkerCommand) -> Result<Self, Error> {
        let plan =
            Plan::find(command).map_err(|error| Error::new(ErrorKind::Config).caused_by(error))?;
        Ok(Self {
            plan: Arc::new(plan),
            family: Mutex::new(None),
        })
    }

    fn family(&self) -> io::Result<Arc<Family>> {
        let mut kept = self.family.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(family) = &*kept {
            return Ok(Arc::clone(family));
        }
        Ok(Arc::clone(kept.insert(Arc::new(Family::new()?))))
    }

    /// Has the thread start a worker.
    fn order(&self) -> io::Result<oneshot::Receiver<Started>> {
        let family = self.family()?;
        let (answer, started) = oneshot::channel();
        let (plan, holder) = (Arc::clone(&self.plan), Arc::clone(&family));
        family.run(move || {
            if !answer.is_closed() {
                // Nobody waits for it any more: dropping it ends it.
                let _ = answer.send(plan.start(holder));
            }
        })?;
        Ok(started)
    }
}

type Started = io::Result<ChildProcess>;

fn gone() -> io::Error {
    io::Error::other("the thread that starts workers is gone")
}

impl Plan {
    fn find(command: WorkerCommand) -> io::Result<Self> {
        check_strings(&command)?;
        let program = match &command.chroot {
            Some(_) => command.program.clone(),
            None => find_program(&command.program)?,
        };
        if let Some(ini) = &command.php_ini {
            ini.metadata().map_err(|error| about(ini, &error))?;
        }
        let supplementary = command.supplementary_groups.as_deref();
        let account = Account::find(
            command.user.as_deref(),
            command.group.as_deref(),
            supplementary,
        )?;
        let mut limits: Vec<_> = command.limits.iter().map(resource).collect();
        let has_core = limits
            .iter()
            .any(|(kind, _)| *kind == Resource::RLIMIT_CORE);
        if command.php && !has_core {
            // php-cgi leaves SIGQUIT to the system, which would dump core for
            // every request that passes its limit.
            limits.push((Resource::RLIMIT_CORE, 0));
        }
        let setup = ChildSetup {
            limits,
            nice: command.nice,
            batch: command.scheduling == Scheduling::Batch,
            umask: command.umask.map(Mode::from_bits_truncate),
            chroot: command.chroot.as_deref().map(c_path).transpose()?,
            chdir: command.chdir.as_deref().map(c_path).transpose()?,
            groups: account
                .groups
                .clone()
                .filter(|_| nix::unistd::geteuid().is_root()),
            gid: account.gid,
            uid: account.uid,
        };
        let environment = environment(&command, &account);
        Ok(Self {
            command,
            program,
            setup,
            environment,
        })
    }

    fn start(&self, family: Arc<Family>) -> Started {
        family.ensure_guard()?;
        let socket = PrivateListener::bind()
            .map_err(|error| with("cannot make a socket for the worker", &error))?;
        let mut command = Command::new(&self.program);
        command
            .args(self.command.arguments())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(OwnedFd::from(socket.listener)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        prepare(&mut command, self.setup.clone(), Arc::clone(&family.roll));
        let child = command.spawn();
        let child = child.map_err(|error| {
            family.roll.fail();
            about(&self.program, &error)
        })?;
        ChildProcess::new(child, socket.name, self.command.clone(), family)
    }
}

impl Spawn for CommandSpawner {
    fn spawn(&self, _worker: WorkerId) -> SpawnFuture {
        let ordered = self.order();
        Box::pin(async move {
            let process = ordered?.await.unwrap_or_else(|_| Err(gone()))?;
            Ok(Box::new(process) as Box<dyn Process>)
        })
    }

    fn close(&self) -> CloseFuture {
        let mut kept = self.family.lock().unwrap_or_else(PoisonError::into_inner);
        let family = kept.take();
        Box::pin(async move {
            if let Some(family) = family {
                // It fails with the runtime, whose end ends the guard too.
                let end = move || {
                    family.settle();
                    family.end_guard();
                };
                let _ = tokio::task::spawn_blocking(end).await;
            }
        })
    }
}

fn environment(command: &WorkerCommand, account: &Account) -> Vec<(OsString, OsString)> {
    let mut all: std::collections::BTreeMap<_, _> = match command.environment {
        Environment::Clear => std::collections::BTreeMap::new(),
        Environment::Inherit => env::vars_os().collect(),
    };
    // Would make php-cgi answer the listed addresses only, and this is none.
    all.remove(std::ffi::OsStr::new("FCGI_WEB_SERVER_ADDRS"));
    if let Some(user) = &account.user {
        all.insert("USER".into(), user.name.clone().into());
        all.insert("HOME".into(), user.dir.clone().into_os_string());
    }
    all.extend(command.env.clone());
    all.into_iter().collect()
}

/// What cannot be passed to any program.
fn check_strings(command: &WorkerCommand) -> io::Result<()> {
    let arguments = command.arguments();
    let values = command.env.values().chain(&arguments);
    let mut all = command.env.keys().chain(values);
    let with_nul = all.find(|text| text.as_bytes().contains(&0));
    let names = command.env.keys();
    let bad_name = |name: &&OsString| name.is_empty() || name.as_bytes().contains(&b'=');
    let what = match (with_nul, { names }.find(bad_name)) {
        (Some(text), _) => format!("{} has a NUL byte", text.display()),
        (None, Some(name)) => format!("{:?} cannot be a variable's name", name.display()),
        (None, None) => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

fn find_program(name: &Path) -> io::Result<PathBuf> {
    if name.components().count() > 1 || name.is_absolute() {
        return check_program(name).map(|()| name.to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| check_program(candidate).is_ok())
        .ok_or_else(|| {
            let text = format!("there is no program {} in PATH", name.display());
            io::Error::new(io::ErrorKind::NotFound, text)
        })
}

fn check_program(path: &Path) -> io::Result<()> {
    let meta = path.metadata().map_err(|error| about(path, &error))?;
    if !meta.is_file() || meta.permissions().mode() & 0o111 == 0 {
        let denied = io::Error::new(io::ErrorKind::PermissionDenied, "not an executable file");
        return Err(about(path, &denied));
    }
    Ok(())
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    with(&path.display().to_string(), error)
}

fn with(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

const fn resource(limit: &ResourceLimit) -> (Resource, rlim_t) {
    match *limit {
        ResourceLimit::Files(limit) => (Resource::RLIMIT_NOFILE, limit),
        ResourceLimit::Core(limit) => (Resource::RLIMIT_CORE, limit),
        ResourceLimit::AddressSpace(limit) => (Resource::RLIMIT_AS, limit),
        ResourceLimit::CpuSecs(limit) => (Resource::RLIMIT_CPU, limit),
        ResourceLimit::Processes(limit) => (Resource::RLIMIT_NPROC, limit),
    }
}
