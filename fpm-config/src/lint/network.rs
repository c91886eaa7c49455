//! Who can connect.

use std::collections::HashMap;

use super::{Subject, finding};
use crate::diagnostic::{Code, Sink};
use crate::model::{Address, Pool};
use crate::schema::Id;

pub(super) fn open_socket(subject: &Subject<'_>, sink: &mut Sink) {
    for (pool, section) in subject.pools() {
        let mode = pool.listen_mode.value;
        if mode & 0o006 == 0 || !matches!(*pool.listen, Address::Unix(_)) {
            continue;
        }
        let span = section.span(Id::ListenMode);
        let message = format!("mode {mode:04o} opens the socket to every user of the machine");
        let open = finding(Code::OpenSocket, span, message)
            .help("set listen.group to the web server's group, and mode 0660");
        let found = match section.written(Id::ListenMode) {
            Some(span) => open.fix("write `0660`", span, b"0660".to_vec()),
            None => open,
        };
        subject.report(section, found, sink);
    }
}

pub(super) fn open_listen(subject: &Subject<'_>, sink: &mut Sink) {
    for (pool, section) in subject.pools() {
        if !pool.listen.is_any() || pool.listen_allowed_clients.is_some() {
            continue;
        }
        let span = section.span(Id::Listen);
        let message = "the pool takes connections from anyone on every network interface";
        let help = "listen on 127.0.0.1, or name the web servers in listen.allowed_clients";
        subject.report(
            section,
            finding(Code::OpenListen, span, message).help(help),
            sink,
        );
    }
}

/// Addresses that php-fpm does not see to be the same: it compares texts.
pub(super) fn same_listen(subject: &Subject<'_>, sink: &mut Sink) {
    let mut sockets: HashMap<Vec<u8>, &Pool> = HashMap::new();
    let mut ports: HashMap<u16, Vec<&Pool>> = HashMap::new();
    for (pool, section) in subject.pools() {
        let earlier = match &*pool.listen {
            Address::Unix(path) => {
                let path = plain_path(path.as_bytes());
                let first = *sockets.entry(path).or_insert(pool);
                (!std::ptr::eq(first, pool)).then_some(first)
            }
            Address::Tcp { port, .. } => {
                let users = ports.entry(*port).or_default();
                let earlier = users
                    .iter()
                    .find(|other| overlap(&other.listen, &pool.listen));
                let earlier = earlier.copied();
                users.push(pool);
                earlier
            }
        };
        // Equal texts are php-fpm's own error.
        let Some(earlier) = earlier.filter(|earlier| *earlier.listen != *pool.listen) else {
            continue;
        };
        let message = format!("pool `{}` already takes this address", earlier.name);
        let span = section.span(Id::Listen);
        let mut same = finding(Code::SameListen, span, message);
        if let Some(first) = earlier.listen.span() {
            same = same.label(first, "here it is used first");
        }
        sink.report(same);
    }
}

/// A path without doubled slashes and `.` parts.
fn plain_path(path: &[u8]) -> Vec<u8> {
    let parts = path.split(|&byte| byte == b'/');
    let parts = parts.filter(|part| !part.is_empty() && *part != b".");
    parts.collect::<Vec<_>>().join(&b'/')
}

fn overlap(a: &Address, b: &Address) -> bool {
    a.is_any() || b.is_any() || host(a) == host(b)
}

fn host(address: &Address) -> Option<Vec<u8>> {
    let Address::Tcp { host, .. } = address else {
        return None;
    };
    let name = host.as_ref()?.as_bytes().to_ascii_lowercase();
    Some(match name.as_slice() {
        b"localhost" => b"127.0.0.1".to_vec(),
        _ => name,
    })
}
