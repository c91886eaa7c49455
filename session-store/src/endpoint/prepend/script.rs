//! The PHP file that talks to the endpoint.

/// The PHP file for an endpoint at `address`, which is `host:port` or
/// `unix:PATH` as [`Listener::address`](crate::endpoint::Listener::address)
/// says.
///
/// Store it where PHP can read it and name it in `auto_prepend_file`; see
/// [`ini`](crate::endpoint::ini). It needs PHP 8.0 or later and no extension.
///
/// # Examples
///
/// ```
/// use session_store::endpoint::prepend_file;
///
/// let file = prepend_file("unix:/run/php/sessions.sock");
/// assert!(file.contains("'unix:///run/php/sessions.sock'"));
/// ```
#[must_use]
pub fn prepend_file(address: &str) -> String {
    let url = match address.strip_prefix("unix:") {
        Some(path) => format!("unix://{path}"),
        None => format!("tcp://{address}"),
    };
    TEMPLATE.replace("%ADDRESS%", &single_quoted(&url))
}

/// For a PHP string in single quotes.
fn single_quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

const TEMPLATE: &str = include_str!("../../../php/session-store.php");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_cannot_leave_their_quotes() {
        let file = prepend_file("unix:/tmp/it's\\");
        assert!(file.contains(r"ADDRESS = 'unix:///tmp/it\'s\\';"));
        assert!(!file.contains("%ADDRESS%"));
        assert!(prepend_file("127.0.0.1:9000").contains("'tcp://127.0.0.1:9000'"));
    }
}
