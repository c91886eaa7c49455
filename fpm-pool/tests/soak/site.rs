//! The scripts, and the program that runs them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::common::Site;
use fpm_pool::{PoolConfig, Queue, Sizing, Timeouts, WorkerCommand};

/// What each request may take before it is ended.
pub(crate) const TOTAL: Duration = Duration::from_millis(1500);
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(2);
pub(crate) const QUEUE: usize = 12;

/// In the environment of every process, and of all that it starts.
const MARK: &str = "FPM_POOL_SOAK";

const SCRIPTS: [(&str, &str); 10] = [
    (
        "echo.php",
        "<?php $in = file_get_contents('php://input');
        echo $_SERVER['QUERY_STRING'], ' ', strlen($in), ' ', crc32($in);",
    ),
    (
        "big.php",
        "<?php for ($n = (int) $_SERVER['QUERY_STRING']; $n > 0; $n -= 8192) {
        echo str_repeat('x', min($n, 8192)); }",
    ),
    (
        "flush.php",
        "<?php for ($i = 0; $i < 200; $i++) { echo 'x'; flush(); usleep(500); }",
    ),
    (
        "sleep.php",
        "<?php usleep((int) $_SERVER['QUERY_STRING']); echo 'slept';",
    ),
    (
        "crash.php",
        "<?php posix_kill(posix_getpid(), 9); sleep(5);",
    ),
    (
        "half.php",
        "<?php echo str_repeat('x', 50000); flush(); posix_kill(posix_getpid(), 11); sleep(5);",
    ),
    (
        "leave.php",
        "<?php exec('sleep 1000 > /dev/null 2>&1 & (sleep 1000 > /dev/null 2>&1 &) & yes >&2 &'); echo 'left';",
    ),
    (
        "noise.php",
        "<?php for ($i = 0; $i < 300; $i++) { error_log(str_repeat('n', 100)); } echo 'loud';",
    ),
    (
        "memory.php",
        "<?php $a = str_repeat('x', 40 << 20); echo strlen($a);",
    ),
    ("fatal.php", "<?php echo 'before'; undefined_function();"),
];

/// A folder with everything.
pub(crate) struct SoakSite {
    site: Site,
    mark: String,
}

impl SoakSite {
    pub(crate) fn new() -> Self {
        let site = Site::new(&SCRIPTS);
        // Without `exec`: the shell stays, and must not leave its child.
        let wrapper = "#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit 1\n\
            [ ! -e fail ] || exit 1\n[ ! -e wrap ] || { php-cgi \"$@\"; exit $?; }\n\
            exec php-cgi \"$@\"\n";
        let path = site.write("worker-php.sh", wrapper);
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, executable).expect("the wrapper can be made executable");
        let mark = format!("{}-{}", std::process::id(), path.display());
        Self { site, mark }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.site.path(name)
    }

    /// Has starts fail, or wraps workers into a shell, from now on.
    pub(crate) fn switch(&self, name: &str, on: bool) {
        let path = self.path(name);
        let done = if on {
            fs::write(path, "")
        } else {
            fs::remove_file(path)
        };
        // It may be so already.
        let _ = done;
    }

    pub(crate) fn config(&self) -> PoolConfig {
        let _ = peers::tool("php-cgi", "php-cgi");
        let command = WorkerCommand::php_cgi(self.path("worker-php.sh"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env(MARK, &self.mark)
            .define("memory_limit", "64M");
        PoolConfig::new("soak")
            .command(command)
            .sizing(Sizing::Static { max_children: 4 })
            .max_requests(40)
            .queue(
                Queue::default()
                    .max_len(QUEUE)
                    .max_wait(MAX_WAIT)
                    .max_blocked(QUEUE),
            )
            .timeouts(
                Timeouts::default()
                    .total(TOTAL)
                    .start(Duration::from_secs(10))
                    .stop(Duration::from_millis(200))
                    .reload_grace(Duration::from_secs(2)),
            )
    }

    /// Every process that a worker started, and the workers.
    pub(crate) fn processes(&self) -> Vec<String> {
        let entry = format!("{MARK}={}", self.mark);
        let ours = |pid: &String| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|&byte| byte == 0)
                .any(|pair| pair == entry.as_bytes())
        };
        let all = fs::read_dir("/proc").expect("/proc is mounted").flatten();
        let names = all.filter_map(|entry| entry.file_name().into_string().ok());
        names
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            .filter(ours)
            .collect()
    }
}
