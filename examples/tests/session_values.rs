//! `session`: sessions that PHP wrote, in every format, shown and changed.

use std::path::Path;
use std::process::{Command, Output};

use peers::tool;
use serde_json::{Value, json};

const HANDLERS: [&str; 5] = ["php", "php_serialize", "php_binary", "igbinary", "msgpack"];

/// Declares classes, writes one of everything, or shows what is there.
const PHP: &str = r#"
    enum Suit: string { case Hearts = 'H'; }
    class Base { private $x = 'base'; protected $list = [1]; }
    class Child extends Base { private $x = 'child'; public $pub = 1; }
    session_id($argv[2]); session_start();
    if ($argv[1] === 'show') { var_dump($_SESSION); exit; }
    $_SESSION['edge'] = [PHP_INT_MAX, PHP_INT_MIN, -0.0, 1e100, NAN, INF, -INF, 1 / 3];
    $_SESSION['raw'] = "\xff\x00"; $_SESSION['text'] = "Zoë"; $_SESSION['null'] = null;
    $_SESSION['map'] = ['a' => true, '5' => 2, '' => []];
    $_SESSION['child'] = $child = new Child; $_SESSION['again'] = $child;
    $_SESSION['self'] = new stdClass; $_SESSION['self']->self = $_SESSION['self'];
    $array = ['k' => 1]; $array['me'] = &$array; $_SESSION['array'] = &$array;
    if ($argv[1] === 'all') { $_SESSION['suit'] = Suit::Hearts; $_SESSION['date'] = new DateTime('2020-01-01 UTC'); }
"#;

#[track_caller]
fn php(folder: &Path, handler: &str, arguments: [&str; 2]) -> String {
    let output = Command::new(tool("php", "php-cli php-igbinary php-msgpack"))
        .args(["-d", "session.use_cookies=0", "-d", "precision=17"])
        .args(["-d", &format!("session.save_path={}", folder.display())])
        .args(["-d", &format!("session.serialize_handler={handler}")])
        .args(["-r", PHP, "--"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn session(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_session"))
        .args(["--store", &format!("files:{}", folder.display())])
        .args(arguments)
        .output()
        .unwrap()
}

#[track_caller]
fn run(folder: &Path, arguments: &[&str]) -> String {
    let done = session(folder, arguments);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(done.stdout).unwrap()
}

#[track_caller]
fn assert_refused(folder: &Path, arguments: &[&str], code: i32, says: &str) {
    let done = session(folder, arguments);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(code), "{arguments:?}: {errors}");
    assert!(errors.contains(says), "{arguments:?}: {errors}");
}

#[track_caller]
fn get(folder: &Path, handler: &str, id: &str) -> Value {
    let shown = run(folder, &["--handler", handler, "get", id]);
    serde_json::from_str(&shown).unwrap()
}

fn expected(all: bool) -> Value {
    let mut expected = json!({
        "edge": [i64::MAX, i64::MIN, -0.0, 1e100, {"@float": "NAN"}, {"@float": "INF"},
                 {"@float": "-INF"}, 1.0 / 3.0],
        "raw": {"@bytes": "ff00"}, "text": "Zoë", "null": null,
        "map": {"a": true, "5": 2, "": []},
        "child": {"@class": "Child", "@id": 1, "Child::x": "child", "Base::x": "base",
                  "list": [1], "pub": 1},
        "again": {"@class": "Child", "@same": 1},
        "self": {"@class": "stdClass", "@id": 2, "self": {"@class": "stdClass", "@same": 2}},
        "array": {"k": 1, "me": {"@recursion": "array"}},
    });
    if all {
        expected["suit"] = json!({"@enum": "Suit:Hearts"});
        expected["date"] = json!({"@class": "DateTime", "date": "2020-01-01 00:00:00.000000",
                                  "timezone_type": 3, "timezone": "UTC"});
    }
    expected
}

#[test]
fn what_php_wrote_is_shown_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for handler in HANDLERS {
        // php-msgpack, up to 2.2, cannot read the enum cases that it writes.
        let all = handler != "msgpack";
        let id = &handler.replace('_', "-");
        php(folder, handler, [if all { "all" } else { "some" }, id]);
        let before = php(folder, handler, ["show", id]);
        assert_eq!(get(folder, handler, id), expected(all), "{handler}");

        run(folder, &["--handler", handler, "set", id, "null", "[-1]"]);
        run(folder, &["--handler", handler, "set", id, "null", "null"]);
        assert_eq!(php(folder, handler, ["show", id]), before, "{handler}");
    }
}

#[test]
fn php_reads_a_session_in_the_format_it_was_converted_to() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for from in HANDLERS {
        for to in HANDLERS {
            let kind = if [from, to].contains(&"msgpack") {
                "some"
            } else {
                "all"
            };
            let id = &format!("{from}-{to}").replace('_', "-");
            php(folder, from, [kind, id]);
            let before = php(folder, from, ["show", id]);
            run(folder, &["--handler", from, "convert", "--to", to, id]);
            assert_eq!(get(folder, to, id), expected(kind == "all"));
            let after = php(folder, to, ["show", id]);
            assert_eq!(after, before, "{from} to {to}");
        }
    }
}

#[test]
fn an_enum_case_in_msgpack_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    php(folder, "php", ["all", "s"]);
    let before = std::fs::read(folder.join("sess_s")).unwrap();
    let refusal = "msgpack format cannot hold an enum case of Suit";
    assert_refused(folder, &["convert", "--to", "msgpack", "s"], 4, refusal);
    assert_eq!(std::fs::read(folder.join("sess_s")).unwrap(), before);
}

#[test]
fn depth_is_bounded_by_what_php_reads() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let nested = |depth: usize| format!("v|{}N;{}", "a:1:{i:0;".repeat(depth), "}".repeat(depth));
    for (depth, reads) in [(4096, true), (4097, false), (10_000, false)] {
        std::fs::write(folder.join("sess_deep"), nested(depth)).unwrap();
        if reads {
            assert_eq!(run(folder, &["get", "deep"]).matches('[').count(), depth);
            run(folder, &["incr", "deep", "n"]);
        } else {
            for command in [&["get", "deep"][..], &["incr", "deep", "n"]] {
                assert_refused(folder, command, 4, "nested deeper than 4096");
            }
        }
    }
}

/// 40 arrays, each holding the one before twice: 2⁴⁰ values as text.
#[test]
fn shared_values_are_not_printed_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut laughing = b"\0\0\0\x02\x14\x29\x11\x01a\x14\x01\x06\x00\x06\x00".to_vec();
    for level in 1_u8..=40 {
        laughing.extend([
            0x11, 2, b'v', level, 0x14, 2, 0x06, 0, 0x01, level, 0x06, 1, 0x01, level,
        ]);
    }
    std::fs::write(folder.join("sess_l"), &laughing).unwrap();
    let get = ["--handler", "igbinary", "get", "l"];
    assert_refused(folder, &get, 4, "more than 1000000 values");
    let convert = ["--handler", "igbinary", "convert", "--to", "php", "l"];
    assert_refused(folder, &convert, 4, "more than 1000000 values");
    assert_eq!(std::fs::read(folder.join("sess_l")).unwrap(), laughing);
}

#[test]
fn names_are_what_the_format_holds() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["!a", "5", "", "ünï", "a b"] {
        run(folder, &["set", "s", name, "1"]);
    }
    assert_eq!(
        std::fs::read_to_string(folder.join("sess_s")).unwrap(),
        "!a|i:1;5|i:1;|i:1;ünï|i:1;a b|i:1;"
    );
    assert_refused(folder, &["set", "s", "a|b", "1"], 4, "`|` in its name");
    let serialize = ["--handler", "php_serialize", "set", "t", "a|b", "1"];
    run(folder, &serialize);
    run(
        folder,
        &["--handler", "php_serialize", "set", "t", "5", "2"],
    );
    let convert = ["--handler", "php_serialize", "convert", "--to", "php", "t"];
    assert_refused(folder, &convert, 4, "`|` in its name");
    let long = "n".repeat(128);
    let binary = ["--handler", "php_binary", "set", "u", &long, "1"];
    assert_refused(folder, &binary, 4, "above 127 bytes");
}

#[test]
fn numbers_and_ids_may_start_with_a_hyphen() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, &["set", "-a,b-", "n", "-5"]);
    run(folder, &["set", "-a,b-", "f", "-1.5e3"]);
    assert_eq!(run(folder, &["incr", "--times", "2", "-a,b-", "n"]), "-3\n");
    assert_eq!(get(folder, "php", "-a,b-"), json!({"n": -3, "f": -1500.0}));
    assert_eq!(run(folder, &["list"]), "-a,b-\n");
    run(folder, &["destroy", "-a,b-"]);
}

#[test]
fn floats_keep_every_digit() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for float in [
        "0.1",
        "1453145214736842.2",
        "2.2250738585072014e-308",
        "5e-324",
        "1.7976931348623157e+308",
        "9007199254740993.0",
        "-0.0",
        "122.416294033786585",
    ] {
        run(folder, &["set", "s", "f", float]);
        let shown = get(folder, "php", "s")["f"].as_f64().unwrap();
        let wanted: f64 = float.parse().unwrap();
        assert_eq!(shown.to_bits(), wanted.to_bits(), "{float}");
    }
}

#[test]
fn counting_goes_on_where_php_would() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (before, after) in [("null", "1\n"), ("\"41\"", "42\n"), ("-1", "0\n")] {
        run(folder, &["set", "s", "n", before]);
        assert_eq!(run(folder, &["incr", "s", "n"]), after);
    }
    for other in ["1.5", "\"x\"", "[]", "9223372036854775807"] {
        run(folder, &["set", "s", "n", other]);
        assert_refused(folder, &["incr", "s", "n"], 4, "integer");
    }
    assert_refused(folder, &["incr", "s", "n", "--times", "0"], 2, "--times");
}

#[test]
fn an_empty_session_is_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (handler, empty) in HANDLERS
        .iter()
        .zip(["", "a:0:{}", "", "\0\0\0\x02\x14\0", "\u{90}"])
    {
        let bytes: Vec<u8> = empty.chars().map(|c| u8::try_from(c).unwrap()).collect();
        for bytes in [&b""[..], &bytes] {
            std::fs::write(folder.join("sess_e"), bytes).unwrap();
            assert_eq!(get(folder, handler, "e"), json!({}), "{handler}");
        }
    }
}
