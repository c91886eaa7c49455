//! Three-way merge on top-level variables.

use session_store::SerializeHandler::{self, Igbinary, Php};
use session_store::{Document, Limits, Merge, MergeOutcome};

fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let merged = Php
        .merge(base.as_bytes(), ours.as_bytes(), theirs.as_bytes())
        .unwrap()?;
    Some(String::from_utf8(merged.to_vec()).unwrap())
}

#[test]
fn each_side_keeps_its_changes() {
    let base = "a|i:1;b|i:1;c|i:1;";
    assert_eq!(
        merged(base, "a|i:2;b|i:1;c|i:1;", "a|i:1;b|i:2;c|i:1;").unwrap(),
        "a|i:2;b|i:2;c|i:1;"
    );
    // Removed here, added there, and the other way round.
    assert_eq!(
        merged(base, "b|i:1;c|i:1;", "a|i:1;b|i:1;c|i:1;d|N;").unwrap(),
        "b|i:1;c|i:1;d|N;"
    );
    assert_eq!(
        merged(base, "a|i:1;b|i:1;c|i:1;d|N;", "b|i:1;c|i:1;").unwrap(),
        "b|i:1;c|i:1;d|N;"
    );
    // The same change twice is no conflict; order is no change.
    assert_eq!(
        merged(base, "a|i:9;b|i:1;c|i:1;", "c|i:1;a|i:9;b|i:1;").unwrap(),
        "c|i:1;a|i:9;b|i:1;"
    );
    assert_eq!(merged("", "a|i:1;", "b|i:1;").unwrap(), "b|i:1;a|i:1;");
}

#[test]
fn different_changes_of_one_variable_conflict() {
    let base = "a|i:1;b|i:1;";
    assert_eq!(merged(base, "a|i:2;b|i:1;", "a|i:3;b|i:1;"), None);
    assert_eq!(merged(base, "b|i:1;", "a|i:3;b|i:1;"), None);
    assert_eq!(merged("", "a|i:2;", "a|i:3;"), None);
}

#[test]
fn references_tie_variables_together() {
    let base = "a|i:1;b|R:1;c|i:1;";
    // Here one is changed through the other; there `b` alone stands for both.
    assert_eq!(
        merged(base, "a|i:2;b|R:1;c|i:1;", "a|i:1;b|R:1;c|i:5;").unwrap(),
        "a|i:2;b|R:1;c|i:5;"
    );
    assert_eq!(
        merged(base, "a|i:2;b|R:1;c|i:1;", "a|i:1;b|i:7;c|i:1;"),
        None
    );
    // A reference made by one side ties them as well.
    assert_eq!(merged("a|i:1;b|i:1;", "a|i:1;b|R:1;", "a|i:1;b|i:2;"), None);
}

#[test]
fn shared_objects_come_over_shared() {
    let base = "x|i:1;";
    let ours = "x|i:1;a|O:1:\"A\":1:{s:1:\"v\";i:1;}b|r:2;";
    assert_eq!(
        merged(base, ours, "x|i:2;").unwrap(),
        "x|i:2;a|O:1:\"A\":1:{s:1:\"v\";i:1;}b|r:2;"
    );
}

/// An enum case exists once in PHP, but ties nothing together.
#[test]
fn enum_cases_tie_nothing() {
    let base = "a|E:6:\"Suit:A\";b|r:1;";
    assert_eq!(
        merged(
            base,
            "a|E:6:\"Suit:B\";b|E:6:\"Suit:A\";",
            "a|E:6:\"Suit:A\";b|N;"
        )
        .unwrap(),
        "a|E:6:\"Suit:B\";b|N;"
    );
}

#[test]
fn every_handler_merges() {
    let limits = Limits::default();
    let base = Document::decode(Php, "a|i:1;b|s:1:\"x\";c|a:0:{}d|a:0:{}", &limits).unwrap();
    for &handler in SerializeHandler::ALL {
        let bytes = base.encode(handler, &limits).unwrap();
        let change = |name: &str| {
            let mut document = Document::decode(handler, bytes.clone(), &limits).unwrap();
            document.insert(name, "new").unwrap();
            document
        };
        let again = Document::decode(handler, bytes.clone(), &limits).unwrap();
        let outcome = Document::merge(&again, &change("c"), &change("d"), &limits).unwrap();
        let MergeOutcome::Merged(merged) = outcome else {
            panic!("{handler}: conflict")
        };
        for name in ["c", "d"] {
            assert_eq!(
                merged.get::<String>(name).unwrap().as_deref(),
                Some("new"),
                "{handler}"
            );
        }
    }
    assert!(Igbinary.merge(b"", b"noise", b"").is_err());
}

/// A session with twenty thousand variables merges in no time worth
/// mentioning; each with each would take minutes.
#[test]
fn many_variables_merge_in_reasonable_time() {
    let many: String = (0..20_000)
        .map(|name| format!("{name}x|a:1:{{i:0;i:1;}}"))
        .collect();
    let ours = format!("{many}mine|i:1;");
    let theirs = format!("{many}yours|i:1;");
    assert_eq!(
        merged(&many, &ours, &theirs).unwrap(),
        format!("{theirs}mine|i:1;")
    );
}
