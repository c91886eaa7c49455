//! All ratios of a run at a glance: cases down, peers across.

use crate::report::{Drawing, Figure, Table};
use crate::stats::Spread;

/// A table for each kind of ratio that `figures` hold.
///
/// A ratio is called `<suite>.<case>.<kind>_to_<peer>`, as in
/// `http.hello_c8.p99_ratio_to_nginx_fpm`.
pub(super) fn tables(figures: &[Figure]) -> Vec<Table> {
    let ratios: Vec<Ratio<'_>> = figures.iter().filter_map(ratio).collect();
    let kinds = firsts(ratios.iter().map(|ratio| (ratio.suite, ratio.kind)));
    kinds
        .into_iter()
        .map(|kind| {
            let of_kind = ratios.iter().filter(|r| (r.suite, r.kind) == kind);
            table(kind, &of_kind.collect::<Vec<_>>())
        })
        .collect()
}

#[derive(Debug)]
struct Ratio<'a> {
    suite: &'a str,
    case: &'a str,
    kind: &'a str,
    peer: &'a str,
    value: Spread,
}

fn ratio(figure: &Figure) -> Option<Ratio<'_>> {
    let mut parts = figure.name.split('.');
    let (suite, case, measure) = (parts.next()?, parts.next()?, parts.next()?);
    let (kind, peer) = measure.split_once("ratio_to_")?;
    Some(Ratio {
        suite,
        case,
        kind,
        peer,
        value: figure.spread.unwrap_or_else(|| Spread::of(&[figure.value])),
    })
}

fn table((suite, kind): (&str, &str), ratios: &[&Ratio<'_>]) -> Table {
    let what = match kind {
        "" => "ratio".to_owned(),
        kind => format!("ratio of {}", kind.trim_end_matches('_')),
    };
    let peers = firsts(ratios.iter().map(|ratio| ratio.peer));
    let mut table =
        Table::new(format!("{suite}: {what}, ours to theirs"), &peers).drawn(Drawing::Nothing);
    for case in firsts(ratios.iter().map(|ratio| ratio.case)) {
        let value = |peer: &&str| {
            let found = ratios.iter().find(|r| r.case == case && r.peer == *peer);
            found.map(|ratio| ratio.value)
        };
        table.spreads(case, peers.iter().map(value).collect());
    }
    table
}

/// Each item once, in the order of its first appearance.
fn firsts<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut firsts = Vec::new();
    for item in items {
        if !firsts.contains(&item) {
            firsts.push(item);
        }
    }
    firsts
}
