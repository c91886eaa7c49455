//! How PHP is told to use an endpoint.

use super::Protocol;

/// The settings of php.ini, names and values without quotes, that make PHP
/// use an endpoint at `target`: the address of its
/// [`Listener`](super::Listener), for [`Protocol::Prepend`] the path of the
/// PHP file that talks to it.
///
/// Quote the values in a file; `php -d` takes them as they are, in quotes
/// where they hold a semicolon.
///
/// # Examples
///
/// ```
/// use session_store::endpoint::{Protocol, ini};
///
/// let settings = ini(Protocol::Prepend, "/etc/php/session-store.php");
/// assert_eq!(settings[0], ("auto_prepend_file", "/etc/php/session-store.php".to_owned()));
///
/// let settings = ini(Protocol::Resp, "127.0.0.1:6380");
/// assert_eq!(settings[1], ("session.save_path", "tcp://127.0.0.1:6380".to_owned()));
/// ```
#[must_use]
pub fn ini(protocol: Protocol, target: &str) -> Vec<(&'static str, String)> {
    let setting = |name, value: &str| (name, value.to_owned());
    let socket = target.strip_prefix("unix:");
    match protocol {
        Protocol::Prepend => vec![
            setting("auto_prepend_file", target),
            setting("session.auto_start", "0"),
        ],
        Protocol::Resp => vec![
            setting("session.save_handler", "redis"),
            match socket {
                Some(path) => ("session.save_path", format!("unix://{path}")),
                None => ("session.save_path", format!("tcp://{target}")),
            },
            setting("redis.session.locking_enabled", "1"),
        ],
        Protocol::Memcached => vec![
            setting("session.save_handler", "memcached"),
            setting("session.save_path", socket.unwrap_or(target)),
        ],
    }
}
