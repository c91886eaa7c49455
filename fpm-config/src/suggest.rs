//! "Did you mean …?"

use crate::diagnostic::Diagnostic;
use crate::schema::{DIRECTIVES, Kind, Scope};
use crate::source::Span;

/// The directive whose name is nearest to `name`, if one is near enough: a
/// third of the letters may differ.
pub(crate) fn directive_name(name: &[u8], scope: Scope) -> Option<&'static str> {
    let name = std::str::from_utf8(name)
        .ok()
        .filter(|name| name.len() <= 60)?;
    let lower = name.to_ascii_lowercase();
    let known = DIRECTIVES.iter().filter(|known| known.scope == scope);
    let near = known.map(|known| (distance(&lower, known.name), known.name));
    let (distance, near) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= near.len().div_ceil(3)).then_some(near)
}

/// Offers a machine's fix where what was meant is plain.
pub(crate) fn value_fix(refused: Diagnostic, kind: Kind, value: &[u8], span: Span) -> Diagnostic {
    let lower = value.to_ascii_lowercase();
    let meant = match kind {
        Kind::Boolean | Kind::FlagArray => match lower.as_slice() {
            b"yes" | b"true" | b"on" | b"y" | b"enabled" | b"enable" => Some("yes"),
            b"no" | b"false" | b"off" | b"n" | b"disabled" | b"disable" | b"null" => Some("no"),
            _ => None,
        },
        Kind::ProcessManager => match lower.as_slice() {
            b"on-demand" | b"on_demand" => Some("ondemand"),
            _ => ["static", "dynamic", "ondemand"]
                .into_iter()
                .find(|word| distance(word, &String::from_utf8_lossy(&lower)) <= 2),
        },
        Kind::LogLevel => ["debug", "notice", "warning", "error", "alert"]
            .into_iter()
            .find(|word| distance(word, &String::from_utf8_lossy(&lower)) <= 2),
        _ => None,
    };
    match meant {
        Some(word) => refused.fix(format!("write `{word}`"), span, word.as_bytes()),
        None => refused,
    }
}

/// Letters to insert, drop, change or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 20 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let change = last[j] + usize::from(x != y);
            let mut best = change.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let near = |name: &str| directive_name(name.as_bytes(), Scope::Pool);
        assert_eq!(near("pm.min_spare_server"), Some("pm.min_spare_servers"));
        assert_eq!(
            near("listen.alowed_clients"),
            Some("listen.allowed_clients")
        );
        assert_eq!(near("ph_pvalue"), Some("php_value"));
        assert_eq!(near("colour"), None);
    }
}
