//! Whether all workers fit into memory.

use super::{Subject, finding};
use crate::diagnostic::{Code, Sink};
use crate::model::Pool;
use crate::schema::Id;

/// PHP's own default of memory_limit.
const DEFAULT_LIMIT: u64 = 128 << 20;

pub(super) fn overcommit(subject: &Subject<'_>, sink: &mut Sink) {
    let Some(machine) = subject.options.machine_memory_bytes else {
        return;
    };
    let mut total: u64 = 0;
    let mut terms: Vec<String> = Vec::new();
    let mut largest: Option<(u64, crate::source::Span)> = None;
    for (pool, section) in subject.pools() {
        let Some(limit) = memory_limit(subject, pool) else {
            continue;
        };
        let need = u64::from(pool.max_children.value).saturating_mul(limit);
        total = total.saturating_add(need);
        if terms.len() < 5 {
            let children = pool.max_children.value;
            terms.push(format!("{}: {children} × {} MiB", pool.name, limit >> 20));
        }
        if largest.is_none_or(|(most, _)| need > most) {
            largest = Some((need, section.span(Id::PmMaxChildren)));
        }
    }
    let Some((_, span)) = largest.filter(|_| total > machine) else {
        return;
    };
    let message = format!(
        "all workers at their memory_limit need {} MiB of the machine's {} MiB",
        total >> 20,
        machine >> 20
    );
    let help = format!("pm.max_children × memory_limit: {}", terms.join(", "));
    sink.report(finding(Code::MemoryOvercommit, span, message).help(help));
}

/// memory_limit of a pool's workers in bytes; `None` if there is none.
fn memory_limit(subject: &Subject<'_>, pool: &Pool) -> Option<u64> {
    let named = |admin: bool| {
        let mut values = pool.php_values.iter();
        values.find(|value| value.admin == admin && value.name.as_bytes() == b"memory_limit")
    };
    let set = named(true).or_else(|| named(false));
    let text = match set {
        Some(value) => value.value.as_bytes().to_vec(),
        None => match subject.world.environment.php_ini(b"memory_limit") {
            Some(text) => text,
            None => return Some(DEFAULT_LIMIT),
        },
    };
    bytes(&text)
}

/// PHP's sizes: digits, then k, m or g; -1 stands for no limit.
fn bytes(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (digits, shift) = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'k' => (&text[..text.len() - 1], 10),
        b'm' => (&text[..text.len() - 1], 20),
        b'g' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: u64 = digits.trim().parse().ok()?;
    number.checked_mul(1 << shift)
}
