//! What a check assumes of the php-fpm that will read the files.

use crate::diagnostic::LintLevels;
use crate::schema::PhpVersion;

/// Who starts the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StartedAs {
    /// Root: pools need a user other than root.
    #[default]
    Root,
    /// Root with `-R`: pools may run as root.
    RootAllowed,
    /// Anyone else: user, group and chroot are ignored.
    User,
}

/// Bounds on what the files can make a check hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes read of one file; 256 MiB. A file is held in memory once, and
    /// the value of a line at most once more.
    pub max_file_bytes: usize,
    /// Bytes read of all files together; 512 MiB.
    pub max_total_bytes: usize,
    /// Files read, each time that one is included; 20,000.
    pub max_files: usize,
    /// Findings kept; 10,000. Further ones are counted.
    pub max_findings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 256 << 20,
            max_total_bytes: 512 << 20,
            max_files: 20_000,
            max_findings: 10_000,
        }
    }
}

/// How to read a configuration; the defaults are Debian's php-fpm 8.2 started
/// by root.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The version of PHP; 8.2. What is installed is for the caller to find
    /// out: this crate runs nothing.
    pub php: PhpVersion,
    /// Who starts php-fpm.
    pub started_as: StartedAs,
    /// php-fpm's `-p`; goes before the two folders below.
    pub prefix: Option<Vec<u8>>,
    /// Where relative paths of pools and includes start; `/usr`.
    pub php_prefix: Vec<u8>,
    /// Where relative `pid` and `error_log` start; `/var`.
    pub state_folder: Vec<u8>,
    /// Memory of the machine in bytes, for the lint `memory-overcommit`.
    pub machine_memory_bytes: Option<u64>,
    /// Which lints are wanted.
    pub lints: LintLevels,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            php: PhpVersion::default(),
            started_as: StartedAs::default(),
            prefix: None,
            php_prefix: b"/usr".to_vec(),
            state_folder: b"/var".to_vec(),
            machine_memory_bytes: None,
            lints: LintLevels::default(),
            limits: Limits::default(),
        }
    }
}
