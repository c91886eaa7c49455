//! No byte is lost, and an edit changes nothing but what it is for.

use fpm_config::edit::{EditError, Editor, NewValue, Target};
use fpm_config::syntax::Document;
use fpm_config::world::{MemoryWorld, World};
use fpm_config::{Config, Options};
use proptest::prelude::*;

/// Lines that look like configuration often enough.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("[www]\n".to_owned()),
        Just("[api]\r\n".to_owned()),
        Just("[global]\n".to_owned()),
        Just("; a comment\n".to_owned()),
        Just("\n".to_owned()),
        Just("pm = static ; why\n".to_owned()),
        Just("  pm.max_children=5\r\n".to_owned()),
        Just("env[A] = \"x;y\"\n".to_owned()),
        Just("env[A] = second\n".to_owned()),
        Just("env[B]=$HOME\n".to_owned()),
        Just("junk = = (\n".to_owned()),
        Just("[www] pm = ondemand\n".to_owned()),
        "[a-z=\\[\\]\"' ;$(|{}~\r\n]{0,12}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn rendering_gives_the_bytes_back(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(Document::parse(&bytes).render(), bytes);
    }

    #[test]
    fn rendering_gives_configurations_back(bytes in text()) {
        let document = Document::parse(&bytes);
        let mut at = 0;
        for line in document.lines() {
            for element in &line.elements {
                prop_assert_eq!(element.range.start, at);
                at = element.range.end;
            }
        }
        prop_assert_eq!(at, bytes.len());
        prop_assert_eq!(document.render(), bytes);
    }

    #[test]
    fn any_bytes_are_read_and_checked(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut world = MemoryWorld::default();
        world.add_file("/c/a.conf", bytes);
        let config = Config::load("/c/a.conf".as_ref(), &Options::default(), &World::of(&world));
        prop_assert_eq!(config.accepted(), !config.log().is_empty() && config.would_start());
    }

    #[test]
    fn a_set_value_reads_back_and_the_rest_stays(
        bytes in text(),
        value in "[ -~\u{e4}]{0,12}",
        array in any::<bool>(),
    ) {
        let world = MemoryWorld::default();
        let target = Target::parse(if array { "env[A]" } else { "access.format" });
        let mut editor = Editor::new(&bytes, &world);
        let set = editor.set("www", target, &NewValue::Meant(value.as_bytes()));
        match set {
            Ok(()) => {
                let before = statements(&bytes, target);
                let after = statements(editor.text(), target);
                prop_assert_eq!(before, after);
                // Setting it again changes nothing.
                let once = editor.text().to_vec();
                editor.set("www", target, &NewValue::Meant(value.as_bytes())).unwrap();
                prop_assert_eq!(editor.text(), once);
            }
            Err(_) => prop_assert_eq!(editor.text(), bytes),
        }
    }

    #[test]
    fn what_is_set_can_be_removed(bytes in text()) {
        let world = MemoryWorld::default();
        let target = Target::parse("slowlog");
        let mut editor = Editor::new(&bytes, &world);
        if editor.set("www", target, &NewValue::Meant(b"/x")).is_ok() {
            editor.remove("www", target).unwrap();
            let removed = editor.remove("www", target);
            prop_assert_eq!(removed, Err(EditError::NotFound));
        }
    }
}

/// The lines of a file that are not about `target`.
fn statements(bytes: &[u8], target: Target<'_>) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let name = match target.key {
        Some(key) => format!("{}[{key}]", target.name),
        None => target.name.to_owned(),
    };
    let lines = text.lines().map(str::trim_end);
    let kept = lines.filter(|line| !line.contains(&name));
    kept.map(str::to_owned).collect()
}

#[test]
fn editing_keeps_layout_comments_and_line_ends() {
    let world = MemoryWorld::default();
    let text = b"; shop\r\n[shop]\r\n\tuser   =  www-data ; who\r\n; how many\r\n\tpm.max_children   =  5\r\n\r\n; blog\r\n[blog]\r\nuser=blog";
    let mut editor = Editor::new(text, &world);
    editor
        .set("shop", Target::parse("user"), &NewValue::Meant(b"shop"))
        .unwrap();
    editor
        .set(
            "SHOP",
            Target::parse("pm.max_requests"),
            &NewValue::Meant(b"500"),
        )
        .unwrap();
    editor
        .set(
            "blog",
            Target::parse("chdir"),
            &NewValue::Meant(b"/srv/a b"),
        )
        .unwrap();
    editor
        .rename("shop", Target::parse("pm.max_children"), "pm.start_servers")
        .unwrap();
    editor.rename_pool("blog", "journal").unwrap();
    editor.add_pool("empty").unwrap();
    assert_eq!(
        String::from_utf8_lossy(editor.text()),
        "; shop\r\n[shop]\r\n\tuser   =  shop ; who\r\n; how many\r\n\tpm.start_servers   =  5\r\n\
         \tpm.max_requests   =  500\r\n\r\n; blog\r\n[journal]\r\nuser=blog\r\nchdir=/srv/a b\r\n\
         \r\n[empty]\r\n"
    );
    editor.remove_pool("journal").unwrap();
    editor.remove("shop", Target::parse("user")).unwrap();
    assert_eq!(
        String::from_utf8_lossy(editor.text()),
        "; shop\r\n[shop]\r\n; how many\r\n\tpm.start_servers   =  5\r\n\
         \tpm.max_requests   =  500\r\n\r\n; blog\r\n\r\n[empty]\r\n"
    );
}

#[test]
fn edits_that_cannot_be_exact_are_refused() {
    let world = MemoryWorld::default();
    let mut editor = Editor::new(b"[www]\npm = static\n", &world);
    let set = |editor: &mut Editor<'_>, pool: &str, value: &[u8]| {
        editor.set(pool, Target::parse("user"), &NewValue::Meant(value))
    };
    assert_eq!(set(&mut editor, "www", b"a\nb"), Err(EditError::Unwritable));
    assert_eq!(set(&mut editor, "api", b"a"), Err(EditError::NoSuchPool));
    assert_eq!(
        editor.rename_pool("www", "global"),
        Err(EditError::NameTaken)
    );
    assert_eq!(editor.add_pool("WWW"), Err(EditError::NameTaken));
    assert_eq!(editor.remove_pool("api"), Err(EditError::NoSuchPool));
    assert_eq!(editor.text(), b"[www]\npm = static\n");
}

#[test]
fn values_that_php_would_compute_are_quoted() {
    let world = MemoryWorld::default();
    for (meant, written) in [
        ("www-data", "www-data"),
        ("E_ALL", "\"E_ALL\""),
        ("yes", "\"yes\""),
        ("a|b", "\"a|b\""),
        (" a ", "\" a \""),
        ("${HOME}", "\"\\${HOME}\""),
        ("it's", "\"it's\""),
        ("", ""),
    ] {
        let written_text =
            fpm_config::edit::written_value(meant.as_bytes(), &world, Options::default().php);
        assert_eq!(written_text.unwrap(), written.as_bytes(), "{meant}");
    }
}
