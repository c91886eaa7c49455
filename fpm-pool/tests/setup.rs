//! The world that a worker runs in, and what it writes.

mod common;

use std::fs;
use std::sync::{Arc, Mutex};

use common::{Site, get, php, start, text, until};
use fpm_pool::{
    Environment, OutputSource, PoolConfig, ResourceLimit, Scheduling, Sizing, WorkerCommand,
};

const SHOW: &str = "<?php
    $limits = file_get_contents('/proc/self/limits');
    preg_match('/Max open files +(\\d+)/', $limits, $files);
    $status = file_get_contents('/proc/self/status');
    preg_match('/Groups:\\s*(.*?)\\s*\\n/', $status, $groups);
    ksort($_ENV);
    echo json_encode([
        'uid' => posix_getuid(), 'gid' => posix_getgid(), 'groups' => $groups[1],
        'cwd' => getcwd(), 'umask' => decoct(umask()), 'files' => (int) $files[1],
        'nice' => pcntl(), 'env' => getenv('PATH') . '|' . getenv('APP') . '|' . getenv('HOME'),
        'session' => posix_getpgid(posix_getpid()) === posix_getpid(),
        'leak' => count(preg_grep('/leaked/', array_map(
            fn ($fd) => (string) @readlink('/proc/self/fd/' . $fd), scandir('/proc/self/fd')))), 'ini' => ini_get('memory_limit'),
    ]);
    function pcntl() { return (int) explode(' ', file_get_contents('/proc/self/stat'))[18]; }";

fn single(command: WorkerCommand) -> PoolConfig {
    PoolConfig::new("test")
        .command(command)
        .sizing(Sizing::Static { max_children: 1 })
}

#[tokio::test]
async fn a_worker_gets_the_world_it_is_told() {
    let site = Site::new(&[("show.php", SHOW)]);
    // The script's folder must be open to the worker's user.
    let folder = site.path("");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&folder, mode).unwrap();
    // Inheritable, as a careless library would leave it.
    let leaked = fs::File::create(site.path("leaked")).unwrap();
    let _leaked = nix::unistd::dup(&leaked).unwrap();
    let command = php()
        .user("nobody")
        .supplementary_groups(["daemon"])
        .chdir("/usr")
        .umask(0o027)
        .nice(7)
        .limit(ResourceLimit::Files(333))
        .env("APP", "yes")
        .define("memory_limit", "99M");
    let pool = start(single(command)).await;
    let shown = text(pool.call(get(&site.path("show.php"))).await).await;
    for part in [
        r#""uid":65534,"gid":65534,"groups":"1""#,
        r#""umask":"27","files":333,"nice":7,"env":"|yes|\/nonexistent""#,
        r#""session":true"#,
        r#""ini":"99M""#,
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert!(shown.contains(r#""leak":0"#), "{shown}");
}

#[tokio::test]
async fn an_environment_can_be_passed_on() {
    let site = Site::new(&[("path.php", "<?php echo getenv('PATH');")]);
    let pool = start(single(php().environment(Environment::Inherit))).await;
    let path = text(pool.call(get(&site.path("path.php"))).await).await;
    assert_eq!(path, std::env::var("PATH").unwrap());
}

#[tokio::test]
async fn a_worker_ignores_no_signal_that_its_host_ignores() {
    #[expect(unsafe_code, reason = "the host's part")]
    // SAFETY: no handler is installed.
    unsafe {
        nix::sys::signal::signal(
            nix::sys::signal::Signal::SIGWINCH,
            nix::sys::signal::SigHandler::SigIgn,
        )
        .unwrap();
    }
    let ignored = "<?php
        preg_match('/^SigIgn:\\s*(\\w+)/m', file_get_contents('/proc/self/status'), $found);
        echo hexdec($found[1]) >> 27 & 1;";
    let site = Site::new(&[("ignored.php", ignored)]);
    let pool = start(single(php())).await;
    let seen = text(pool.call(get(&site.path("ignored.php"))).await).await;
    assert_eq!(seen, "0");
}

#[tokio::test]
async fn what_no_program_can_be_given_is_refused_at_once() {
    for command in [
        php().env("A\0B", "x"),
        php().env("A", "x\0"),
        php().env("", "x"),
        php().env("A=B", "x"),
        php().arg("\0"),
        php().define("memory_limit", "1\0"),
    ] {
        let error = fpm_pool::Pool::start(single(command)).unwrap_err();
        assert_eq!(error.kind(), fpm_pool::ErrorKind::Config);
    }
    // The name is the host's, and shown to people only.
    let name = PoolConfig::new("a\0b").command(php());
    let pool = start(name.sizing(Sizing::Static { max_children: 1 })).await;
    pool.shutdown(std::time::Duration::ZERO).await;
}

#[tokio::test]
async fn workers_do_not_interrupt_the_server() {
    let policy = "<?php echo explode(' ', file_get_contents('/proc/self/stat'))[40];";
    let site = Site::new(&[("policy.php", policy)]);
    let script = site.path("policy.php");
    let batch = start(single(php())).await;
    assert_eq!(text(batch.call(get(&script)).await).await, "3");
    let same = start(single(php().scheduling(Scheduling::Inherit))).await;
    let own = fs::read_to_string("/proc/self/stat").unwrap();
    let own = own.rsplit(')').next().unwrap().split_whitespace().nth(38);
    assert_eq!(text(same.call(get(&script)).await).await, own.unwrap());
}

#[tokio::test]
async fn what_a_worker_writes_is_known_by_request() {
    let site = Site::new(&[(
        "write.php",
        "<?php fwrite(fopen('php://stderr', 'w'), \"one\\ntwo\\n\"); error_log('three'); usleep(50000);",
    )]);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let config = single(php()).output({
        let lines = Arc::clone(&lines);
        move |output| {
            let script = output
                .script
                .map(|script| String::from_utf8_lossy(script).into_owned());
            let line = String::from_utf8_lossy(output.line).into_owned();
            lines.lock().unwrap().push((output.source, script, line));
        }
    });
    let pool = start(config).await;
    pool.call(get(&site.path("write.php"))).await.unwrap();
    until("all lines came", || lines.lock().unwrap().len() == 3).await;
    let script = Some(site.path("write.php").display().to_string());
    let mut lines = lines.lock().unwrap().clone();
    lines.sort_by_key(|(_, _, line)| line.clone());
    assert_eq!(
        lines[0],
        (OutputSource::Stderr, script.clone(), "one".to_owned())
    );
    assert_eq!(
        lines[1],
        (
            OutputSource::RequestStderr,
            script.clone(),
            "three".to_owned()
        )
    );
    assert_eq!(lines[2], (OutputSource::Stderr, script, "two".to_owned()));
}
