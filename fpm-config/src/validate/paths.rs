//! Paths: prefixes, chroot, chdir, file names in php values.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::diagnostic::{Code, Diagnostic, LogSeverity, Stage};
use crate::options::Options;
use crate::schema::Id;

use super::Checks;

pub(super) fn native(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

/// php-fpm's rule for relative paths: the pool's prefix, else `-p`, else
/// `default`; if the pool's prefix is relative itself, once more without it.
pub(super) fn absolute(
    path: &[u8],
    pool_prefix: Option<&[u8]>,
    options: &Options,
    default: &[u8],
) -> Vec<u8> {
    if path.first() == Some(&b'/') {
        return path.to_vec();
    }
    join(path, pool_prefix, options, default)
}

fn join(path: &[u8], pool_prefix: Option<&[u8]>, options: &Options, default: &[u8]) -> Vec<u8> {
    let prefix = pool_prefix.or(options.prefix.as_deref()).unwrap_or(default);
    let full = [prefix, b"/", path].concat();
    if full.first() == Some(&b'/') || pool_prefix.is_none() {
        return full;
    }
    join(&full, None, options, default)
}

impl Checks<'_> {
    /// [`absolute`] for a path of this pool.
    pub(super) fn pool_path(&self, path: &[u8]) -> Vec<u8> {
        let prefix = self.section().text(Id::Prefix);
        absolute(path, prefix, self.options, &self.options.php_prefix)
    }

    fn join_prefix(&self, rest: &[u8]) -> Vec<u8> {
        let prefix = self.section().text(Id::Prefix);
        join(rest, prefix, self.options, &self.options.php_prefix)
    }

    /// Makes the path of `id` absolute unless it is empty or missing.
    pub(super) fn complete_path(&mut self, id: Id) {
        if let Some(path) = self.section().filled(id) {
            let path = self.pool_path(path);
            self.set_text(id, path);
        }
    }
}

pub(super) fn prefix(checks: &mut Checks<'_>) {
    let Some(prefix) = checks.section().filled(Id::Prefix) else {
        return;
    };
    let prefix = absolute(prefix, None, checks.options, &checks.options.php_prefix);
    if !checks.is_dir(&prefix) {
        let error = checks.error(Code::PrefixMissing, Id::Prefix, "the prefix is no folder");
        let line = [
            b"the prefix '",
            prefix.as_slice(),
            b"' does not exist or is not a directory",
        ];
        checks.refuse(error, LogSeverity::Error, line.concat());
    }
    checks.set_text(Id::Prefix, prefix);
}

pub(super) fn chroot(checks: &mut Checks<'_>) {
    let Some(written) = checks.section().filled(Id::Chroot).map(<[u8]>::to_vec) else {
        return;
    };
    let path = match expand_prefix(checks, &written) {
        Some(path) => path,
        None => written,
    };
    if path.first() != Some(&b'/') {
        let error = checks.error(
            Code::ChrootInvalid,
            Id::Chroot,
            "chroot is not an absolute path",
        );
        let line = [
            b"the chroot path '",
            path.as_slice(),
            b"' must start with a '/'",
        ];
        checks.refuse(error, LogSeverity::Error, line.concat());
    } else if !checks.is_dir(&path) {
        let error = checks.error(Code::ChrootInvalid, Id::Chroot, "chroot is no folder");
        let line = [
            b"the chroot path '",
            path.as_slice(),
            b"' does not exist or is not a directory",
        ];
        checks.refuse(error, LogSeverity::Error, line.concat());
    }
    checks.set_text(Id::Chroot, path);
}

/// A chroot with `$prefix` at its start replaced; `None` if php-fpm gives up
/// because it stands elsewhere.
fn expand_prefix(checks: &mut Checks<'_>, written: &[u8]) -> Option<Vec<u8>> {
    const VARIABLE: &[u8] = b"$prefix";
    if written.first() == Some(&b'/') {
        return Some(written.to_vec());
    }
    let at = written
        .windows(VARIABLE.len())
        .position(|part| part == VARIABLE);
    match at {
        None => Some(checks.pool_path(written)),
        // Joined with a slash even if the rest starts with one.
        Some(0) if written.len() > VARIABLE.len() => {
            let rest = &written[VARIABLE.len()..];
            Some(checks.join_prefix(rest))
        }
        Some(0) => {
            let options = checks.options;
            let prefix = checks.section().text(Id::Prefix);
            let prefix = prefix.or(options.prefix.as_deref());
            Some(prefix.unwrap_or(&options.php_prefix).to_vec())
        }
        Some(_) => {
            let span = checks.section().span(Id::Chroot);
            let message = "`$prefix` may only stand at the start";
            let error = Diagnostic::new(Code::ChrootInvalid, Stage::Validate, span, message);
            let line = "'$prefix' must be use at the beginning of the value";
            // php-fpm goes on after it, to fail at the next check.
            for line in error.line(LogSeverity::Error, line).php_fpm {
                if checks.sink.stopped.is_none() {
                    checks.sink.print(line);
                }
            }
            None
        }
    }
}

pub(super) fn chdir(checks: &mut Checks<'_>) {
    checks.complete_path(Id::Chdir);
    let Some(chdir) = checks.section().filled(Id::Chdir).map(<[u8]>::to_vec) else {
        return;
    };
    if chdir.first() != Some(&b'/') {
        let error = checks.error(
            Code::ChdirInvalid,
            Id::Chdir,
            "chdir is not an absolute path",
        );
        let line = [
            b"the chdir path '",
            chdir.as_slice(),
            b"' must start with a '/'",
        ];
        checks.refuse(error, LogSeverity::Error, line.concat());
        return;
    }
    let end = b"does not exist or is not a directory".as_slice();
    match checks.section().text(Id::Chroot).map(<[u8]>::to_vec) {
        Some(chroot) => {
            let inside = [chroot.as_slice(), b"/", &chdir].concat();
            if !checks.is_dir(&inside) {
                let message = "there is no such folder within chroot";
                let error = checks.error(Code::ChdirInvalid, Id::Chdir, message);
                let line = [
                    b"the chdir path '".as_slice(),
                    &chdir,
                    b"' within the chroot path '",
                    &chroot,
                    b"' ('",
                    &inside,
                    b"') ",
                    end,
                ];
                checks.refuse(error, LogSeverity::Error, line.concat());
            }
        }
        None if !checks.is_dir(&chdir) => {
            let error = checks.error(Code::ChdirInvalid, Id::Chdir, "chdir is no folder");
            let line = [b"the chdir path '".as_slice(), &chdir, b"' ", end];
            checks.refuse(error, LogSeverity::Error, line.concat());
        }
        None => {}
    }
}

/// Settings of PHP whose values php-fpm takes for paths.
const PATH_SETTINGS: [&str; 15] = [
    "error_log",
    "extension_dir",
    "mime_magic.magicfile",
    "sendmail_path",
    "session.cookie_path",
    "session_pgsql.sem_file_name",
    "soap.wsdl_cache_dir",
    "uploadprogress.file.filename_template",
    "xdebug.output_dir",
    "xdebug.profiler_output_dir",
    "xdebug.trace_output_dir",
    "xmms.path",
    "axis2.client_home",
    "blenc.key_file",
    "coin_acceptor.device",
];

pub(super) fn php_values(checks: &mut Checks<'_>) {
    if checks.section().is_set(Id::Chroot) {
        return;
    }
    for index in 0..checks.section().arrays.len() {
        let entry = &checks.section().arrays[index];
        let is_admin = matches!(entry.id, Id::PhpAdminValue | Id::PhpAdminFlag);
        let is_plain = matches!(entry.id, Id::PhpValue | Id::PhpFlag);
        let is_path = PATH_SETTINGS
            .iter()
            .any(|name| entry.key.eq_ignore_ascii_case(name.as_bytes()));
        let is_syslog = is_admin
            && entry.key.eq_ignore_ascii_case(b"error_log")
            && entry.value.eq_ignore_ascii_case(b"syslog");
        if (is_admin || is_plain) && is_path && !is_syslog {
            let path = checks.pool_path(&entry.value);
            checks.section_mut().arrays[index].value = path;
        }
    }
}
