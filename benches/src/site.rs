//! The document root that every server serves during a measurement.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::load::{Expect, Request};

/// Files of the page that includes many.
const INCLUDES: usize = 300;

/// Bytes of the static download.
pub const DOWNLOAD_BYTES: u64 = 100 * 1024 * 1024;

/// A folder of scripts, removed on drop.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
}

/// One thing a client can ask for, with the answer that counts.
#[derive(Debug, Clone)]
pub struct Case {
    /// The case's name in figures.
    pub name: &'static str,
    /// What is asked.
    pub request: Request,
}

impl Case {
    /// Whether one answer takes long by itself.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        matches!(self.name, "cpu20ms" | "sleep100ms" | "download100m")
    }
}

impl Site {
    /// Writes the scripts, all older than opcache's update protection (2 s),
    /// so that caching is on from the first request.
    ///
    /// # Errors
    ///
    /// When the temporary folder cannot be written.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("compare-site-").tempdir()?;
        let site = Self { folder };
        site.write("hello.php", HELLO)?;
        site.write("page.php", PAGE)?;
        site.write("cpu.php", CPU)?;
        site.write("sleep.php", SLEEP)?;
        site.write("post.php", POST)?;
        site.write("work.php", WORK)?;
        site.write("settings.php", SETTINGS)?;
        site.write_includes()?;
        File::create(site.root().join("download.bin"))?.set_len(DOWNLOAD_BYTES)?;
        site.make_old()?;
        // The workers of some servers run as another user.
        open_up(site.folder.path())?;
        Ok(site)
    }

    /// The document root.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Where `work.php` notes whom it ran for.
    #[must_use]
    pub fn work_log(&self) -> PathBuf {
        self.root().join("work.log")
    }

    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.root().join(name), text)
    }

    fn write_includes(&self) -> io::Result<()> {
        fs::create_dir(self.root().join("parts"))?;
        self.write("parts/ready.txt", "ready\n")?;
        let mut page = String::from("<?php\n$sum = 0;\n");
        for part in 0..INCLUDES {
            let text = format!(
                "<?php\nclass Part{part} {{\n    private int $value = {part};\n    \
                 public function value(): int {{ return $this->value; }}\n}}\n\
                 $sum += (new Part{part}())->value();\n"
            );
            self.write(&format!("parts/{part}.php"), &text)?;
            page.push_str(&format!("require __DIR__ . '/parts/{part}.php';\n"));
        }
        page.push_str("echo $sum, \"\\n\";\n");
        self.write("includes.php", &page)
    }

    fn make_old(&self) -> io::Result<()> {
        let old = SystemTime::now() - Duration::from_secs(3600);
        for folder in [self.root().to_owned(), self.root().join("parts")] {
            for entry in fs::read_dir(folder)? {
                File::open(entry?.path())?.set_modified(old)?;
            }
        }
        Ok(())
    }
}

/// The cases of the `http` suite.
#[must_use]
pub fn cases() -> Vec<Case> {
    let case = |name, request| Case { name, request };
    let sum: usize = (0..INCLUDES).sum();
    let upload = vec![b'u'; 64 * 1024];
    vec![
        case(
            "hello",
            Request::get("/hello.php", Expect::Body(b"Hello, world!\n".to_vec())),
        ),
        case(
            "page50k",
            Request::get("/page.php", Expect::Body(vec![b'p'; 50 * 1024])),
        ),
        case(
            "includes300",
            Request::get(
                "/includes.php",
                Expect::Body(format!("{sum}\n").into_bytes()),
            ),
        ),
        case(
            "cpu20ms",
            Request::get("/cpu.php", Expect::Body(b"done\n".to_vec())),
        ),
        case(
            "sleep100ms",
            Request::get("/sleep.php", Expect::Body(b"slept\n".to_vec())),
        ),
        case(
            "post64k",
            Request::post("/post.php", &upload, Expect::Body(b"65536\n".to_vec())),
        ),
        case(
            "download100m",
            Request::get("/download.bin", Expect::Length(DOWNLOAD_BYTES)),
        ),
    ]
}

fn open_up(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777))
}

const HELLO: &str = "<?php echo \"Hello, world!\\n\";\n";

const PAGE: &str = "<?php echo str_repeat('p', 50 * 1024);\n";

/// About 20 ms of CPU: measured, not counted, so that a faster machine does
/// not shrink the case.
const CPU: &str = r#"<?php
function used(): int {
    $now = getrusage();
    return ($now['ru_utime.tv_sec'] + $now['ru_stime.tv_sec']) * 1000000
        + $now['ru_utime.tv_usec'] + $now['ru_stime.tv_usec'];
}
$end = used() + 20000;
do {
    for ($i = 0, $x = 0; $i < 20000; $i++) { $x = ($x * 31 + $i) & 0xffffff; }
} while (used() < $end);
echo "done\n";
"#;

const SLEEP: &str = "<?php usleep(100000); echo \"slept\\n\";\n";

const POST: &str = "<?php echo strlen(file_get_contents('php://input')), \"\\n\";\n";

/// 20 ms, mostly waiting; notes the client it ran for and when it began.
const WORK: &str = r#"<?php
if (isset($_GET['id'])) {
    file_put_contents(
        __DIR__ . '/work.log',
        (int) $_GET['id'] . ' ' . number_format(microtime(true), 6, '.', '') . "\n",
        FILE_APPEND
    );
}
usleep(20000);
echo "worked\n";
"#;

/// What must be the same everywhere for a comparison to mean anything: every
/// setting but those that only one kind of PHP knows, and where errors are
/// shown, which each server decides and no script here has.
const SETTINGS: &str = r#"<?php
$own = '/^(cgi|fastcgi|fpm|cli|apache2handler)\.|^(engine|last_modified|xbithack'
    . '|child_terminate|display_errors|html_errors|log_errors)$/';
$settings = ini_get_all(null, false);
foreach (array_keys($settings) as $name) {
    if (preg_match($own, $name)) { unset($settings[$name]); }
}
$extensions = array_map('strtolower', get_loaded_extensions());
$built_in = ['cgi-fcgi', 'apache2handler', 'libxml', 'pcntl'];
$extensions = array_values(array_diff($extensions, $built_in));
sort($extensions);
echo json_encode([
    'version' => PHP_VERSION,
    'php.ini' => md5_file(php_ini_loaded_file() ?: '/dev/null'),
    'extensions' => implode(' ', $extensions),
    'opcache caches' => function_exists('opcache_is_script_cached')
        && opcache_is_script_cached(__FILE__),
] + $settings), "\n";
"#;
