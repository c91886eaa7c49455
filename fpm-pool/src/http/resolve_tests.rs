//! Which target a path leads to, over a site on disk.

use std::fs;

use super::document_root::DocumentRoot;
use super::path::CleanPath;
use super::resolve::{Target, resolve};

/// A site with scripts, files, a folder and traps.
struct Fixture {
    _folder: tempfile::TempDir,
    site: DocumentRoot,
}

impl Fixture {
    fn new(front_controller: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for (name, content) in [
            ("index.php", "<?php"),
            ("a.txt", "text"),
            ("copy.php~", "<?php"),
            (".env", "secret"),
            (".well-known/acme", "token"),
            ("upload/x.jpg", "image"),
            ("docs/index.html", "<p>"),
            ("assets/a.css", "a{}"),
            ("dir.php/real.php", "<?php"),
            ("data/secret.txt", "data"),
            ("UPPER.PHP", "<?php"),
        ] {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        let site = DocumentRoot::new(path).deny("data/");
        let site = match front_controller {
            Some(script) => site.front_controller(script),
            None => site,
        };
        Self {
            _folder: folder,
            site,
        }
    }

    /// A short name of the target of `path`.
    #[track_caller]
    fn target(&self, path: &str) -> String {
        let path = CleanPath::parse(path).unwrap();
        match resolve(&self.site, &path).unwrap() {
            Target::Script(script) => format!("run {} {}", script.name(), script.path_info()),
            Target::File(found) => {
                assert!(found.path().starts_with(self.site.path()));
                format!("file {}", found.name())
            }
            Target::Folder => "folder".to_owned(),
            Target::Missing => "missing".to_owned(),
        }
    }
}

#[test]
fn paths_lead_to_scripts_files_and_folders() {
    let fixture = Fixture::new(None);
    for (path, expected) in [
        ("/", "run /index.php "),
        ("/index.php", "run /index.php "),
        ("/index.php/a/b", "run /index.php /a/b"),
        ("/index.php/", "run /index.php /"),
        ("/index.php/.hidden", "run /index.php /.hidden"),
        ("/index.php/.hidden/", "run /index.php /.hidden/"),
        ("/index.php/x.php", "run /index.php /x.php"),
        ("/UPPER.PHP", "run /UPPER.PHP "),
        ("/dir.php/real.php", "run /dir.php/real.php "),
        ("/dir.php/real.php/x", "run /dir.php/real.php /x"),
        ("/a.txt", "file /a.txt"),
        ("/docs", "folder"),
        ("/docs/", "file /docs/index.html"),
        ("/assets", "folder"),
        ("/.well-known/acme", "file /.well-known/acme"),
    ] {
        assert_eq!(fixture.target(path), expected, "{path}");
    }
}

#[test]
fn what_must_not_be_shown_is_missing() {
    for fixture in [Fixture::new(None), Fixture::new(Some("/index.php"))] {
        for path in [
            "/.env",
            "/copy.php~",
            "/upload/x.jpg/y.php",
            "/a.txt/",
            "/data/secret.txt",
            "/data",
            "/%64ata/secret.txt",
        ] {
            assert_eq!(fixture.target(path), "missing", "{path}");
        }
    }
    let fixture = Fixture::new(None);
    for path in [
        "/nothing",
        "/nothing.php",
        "/assets/",
        "/a%2Ftxt",
        "/nothing.php/x",
    ] {
        assert_eq!(fixture.target(path), "missing", "{path}");
    }
}

#[test]
fn front_controller_gets_what_is_no_file() {
    let fixture = Fixture::new(Some("/index.php"));
    for (path, expected) in [
        ("/some/route", "run /index.php "),
        ("/some/route/", "run /index.php "),
        ("/missing.php", "run /index.php "),
        ("/group%2Fproject", "run /index.php "),
        ("/assets", "run /index.php "),
        ("/assets/", "run /index.php "),
        ("/docs", "folder"),
        ("/a.txt", "file /a.txt"),
    ] {
        assert_eq!(fixture.target(path), expected, "{path}");
    }
}
