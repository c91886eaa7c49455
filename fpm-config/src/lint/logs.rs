//! Logs that root opens where the workers' user can write.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Subject, finding};
use crate::diagnostic::{Code, Sink};
use crate::model::{Pool, Text};
use crate::options::StartedAs;
use crate::source::Span;
use crate::world::Metadata;

pub(super) fn writable_logs(subject: &Subject<'_>, sink: &mut Sink) {
    if subject.options.started_as == StartedAs::User {
        return;
    }
    let mut reported: HashSet<Span> = HashSet::new();
    let mut folders = Folders::new();
    let error_log = &subject.global.error_log;
    for (pool, _) in subject.pools() {
        let Some(ids) = ids(subject, pool) else {
            continue;
        };
        let logs = [
            (Some(&error_log.value), error_log.span()),
            (pool.access_log.as_ref(), pool.access_log.span()),
            (pool.slowlog.as_ref(), pool.slowlog.span()),
        ];
        for (path, span) in logs {
            let (Some(path), Some(span)) = (path, span) else {
                continue;
            };
            if is_writable(subject, path, ids, &mut folders) && reported.insert(span) {
                let message = format!(
                    "the workers of pool `{}` can write in this log's folder",
                    pool.name
                );
                let help = "keep logs in a folder of root's, such as /var/log";
                sink.report(finding(Code::WritableLog, span, message).help(help));
            }
        }
    }
}

/// User and group of the workers.
fn ids(subject: &Subject<'_>, pool: &Pool) -> Option<(u32, u32)> {
    let user = pool.user.as_ref()?;
    let accounts = subject.world.accounts;
    let number = |text: &Text| text.as_str()?.parse::<u32>().ok();
    let (uid, primary) = match number(user) {
        Some(uid) => (
            uid,
            accounts.user_by_id(uid).map_or(0, |account| account.gid),
        ),
        None => {
            let account = accounts.user(user.as_bytes())?;
            (account.uid, account.gid)
        }
    };
    let gid = match pool.group.as_ref() {
        None => primary,
        Some(group) => match number(group) {
            Some(gid) => gid,
            None => accounts.group(group.as_bytes())?.gid,
        },
    };
    // Root may write everywhere; that is another finding.
    (uid != 0).then_some((uid, gid))
}

/// What is known of folders: many pools share one.
type Folders = HashMap<PathBuf, Option<Metadata>>;

fn is_writable(
    subject: &Subject<'_>,
    path: &Text,
    (uid, gid): (u32, u32),
    folders: &mut Folders,
) -> bool {
    let path = path.as_path();
    let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) else {
        return false;
    };
    // Links such as /dev/stderr or /proc/self/fd/2 are no files to replace.
    if folder.starts_with("/dev") || folder.starts_with("/proc") {
        return false;
    }
    if !folders.contains_key(folder) {
        let metadata = subject.world.files.metadata(folder).ok();
        folders.insert(folder.to_path_buf(), metadata);
    }
    let Some(Some(metadata)) = folders.get(folder) else {
        return false;
    };
    let bits = if metadata.uid == uid {
        metadata.mode >> 6
    } else if metadata.gid == gid {
        metadata.mode >> 3
    } else {
        metadata.mode
    };
    bits & 0o2 != 0
}
