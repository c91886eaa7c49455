//! Entries of arrays that do not count.

use std::collections::HashMap;

use super::{Subject, finding};
use crate::diagnostic::{Code, Sink};
use crate::draft::ArrayEntry;
use crate::schema::Id;

pub(super) fn first_wins(subject: &Subject<'_>, sink: &mut Sink) {
    for (_, section) in subject.pools() {
        let mut first: HashMap<(Id, &[u8]), &ArrayEntry> = HashMap::new();
        for entry in &section.arrays {
            let group = match entry.id {
                Id::PhpFlag => Id::PhpValue,
                Id::PhpAdminFlag => Id::PhpAdminValue,
                Id::AccessSuppressPath => continue,
                id => id,
            };
            let winner = *first.entry((group, &entry.key)).or_insert(entry);
            if std::ptr::eq(winner, entry) {
                continue;
            }
            let name = entry.id.directive().name;
            let key = String::from_utf8_lossy(&entry.key);
            let message = format!("this `{name}[{key}]` does not count: the first one does");
            let duplicate = finding(Code::FirstWins, entry.name_span, message)
                .label(winner.value_span, "this value is used");
            sink.report(duplicate);
        }
    }
}
