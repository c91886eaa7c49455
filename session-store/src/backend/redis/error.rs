//! What Redis' failures mean for a session.

use redis::{ErrorKind as RedisKind, RedisError, ServerErrorKind};

use crate::ErrorKind;

/// Sorts a failure; the caller adds the backend's name and the action.
pub(super) fn kind(error: &RedisError) -> ErrorKind {
    if let Some(code) = server_code(error) {
        return of_code(&code, error);
    }
    #[cfg(feature = "redis-tls")]
    if let Some(kind) = of_tls(error) {
        return kind;
    }
    match error.kind() {
        _ if error.is_timeout() => ErrorKind::Timeout,
        RedisKind::AuthenticationFailed => ErrorKind::Denied,
        RedisKind::InvalidClientConfig | RedisKind::RESP3NotSupported => ErrorKind::Config,
        RedisKind::Io
        | RedisKind::MasterNameNotFoundBySentinel
        | RedisKind::NoValidReplicasFoundBySentinel
        | RedisKind::ClusterConnectionNotFound => ErrorKind::Unavailable,
        _ => ErrorKind::Backend,
    }
}

/// What went wrong before anything could be said in secret. The connection's
/// task passes it on as text.
#[cfg(feature = "redis-tls")]
fn of_tls(error: &RedisError) -> Option<ErrorKind> {
    if text_has(error, "invalid peer certificate") {
        return Some(ErrorKind::Untrusted);
    }
    let refusals = [
        "CertificateRequired",
        "BadCertificate",
        "CertificateUnknown",
        "CertificateExpired",
        "UnknownCA",
    ];
    let is_refused = |refusal| text_has(error, &format!("fatal alert: {refusal}"));
    refusals
        .into_iter()
        .any(is_refused)
        .then_some(ErrorKind::Denied)
}

/// Whether the connection that failed like this is of no further use: it
/// broke, or it leads to a server that is no longer the primary.
pub(super) fn needs_new_link(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || matches!(kind(error), ErrorKind::ReadOnly | ErrorKind::Unavailable)
}

/// Whether the server has to be sent the script itself.
pub(super) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == RedisKind::Server(ServerErrorKind::NoScript)
}

/// The first error that a server sent, in a pipeline too.
fn server_code(error: &RedisError) -> Option<String> {
    let errors = error.clone().into_server_errors()?;
    errors.first().map(|(_, error)| error.code().to_owned())
}

fn of_code(code: &str, error: &RedisError) -> ErrorKind {
    match code {
        "OOM" => ErrorKind::Full,
        "READONLY" | "MISCONF" => ErrorKind::ReadOnly,
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => ErrorKind::Denied,
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "NOREPLICAS" | "BUSY" => {
            ErrorKind::Unavailable
        }
        "WRONGTYPE" => ErrorKind::Corrupt,
        // Servers before 7.0 wrap the failures of commands in scripts.
        _ if text_has(error, "OOM command not allowed") => ErrorKind::Full,
        _ if text_has(error, "READONLY") => ErrorKind::ReadOnly,
        _ if text_has(error, "max number of clients") => ErrorKind::Unavailable,
        _ => ErrorKind::Backend,
    }
}

fn text_has(error: &RedisError, part: &str) -> bool {
    error.to_string().contains(part)
}
