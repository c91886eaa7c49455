//! Adminer from the Debian package, on an SQLite database.

use std::path::Path;

use peers::Redis;

use crate::support::{Answer, Serve, Site, form, stores};

/// Adminer refuses databases without a password; this one asks for one. From
/// release 5 on its classes are in a namespace.
const INDEX: &str = "<?php
function adminer_object() {
    $base = class_exists('Adminer\\\\Adminer') ? 'Adminer\\\\Adminer' : 'Adminer';
    class_alias($base, 'AnyAdminer');
    class WithPassword extends AnyAdminer {
        function login($login, $password) { return $password === 'secret'; }
        function credentials(): array { return ['', '', '']; }
    }
    return new WithPassword;
}
include '/usr/share/adminer/adminer.php';
";

fn token(page: &Answer) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once("name='token' value='")
        .expect("a form with a token");
    rest.split('\'').next().unwrap().to_owned()
}

/// A site with nothing but adminer, an empty database beside it.
fn site() -> Site {
    let package = Path::new("/usr/share/adminer/adminer.php");
    assert!(
        package.exists(),
        "run: apt-get install --no-install-recommends adminer php-sqlite3"
    );
    Site::new(&[
        ("root/index.php", INDEX),
        ("test.db", ""),
        ("sessions/keep", ""),
    ])
}

/// Logs in, makes a table and reads it: each request needs the login that
/// the session holds.
#[track_caller]
fn makes_and_reads_a_table(site: &Site, settings: [&str; 2]) {
    let (root, database) = (site.join("root"), site.join("test.db"));
    site.write("test.db", "");
    let database = database.to_str().unwrap();
    let serve = Serve::start(
        [root.to_str().unwrap(), "--workers", "2"]
            .into_iter()
            .chain(settings),
    );
    let media_type = ("Content-Type", "application/x-www-form-urlencoded");

    let login = form(&[
        ("auth[driver]", "sqlite"),
        ("auth[server]", ""),
        ("auth[username]", ""),
        ("auth[password]", "secret"),
        ("auth[db]", database),
    ]);
    let answer = serve.post("/", &[media_type], &login);
    assert_eq!(answer.status, 302, "{}", answer.text());
    let home = format!("/{}", answer.field("location").unwrap());
    let cookies = answer.cookies();
    let cookie = ("Cookie", &*cookies);

    let editor = serve.get_with(&format!("{home}&sql="), &[cookie]);
    let token = token(&editor);
    let query = "CREATE TABLE animal (id INTEGER PRIMARY KEY, name TEXT); \
                 INSERT INTO animal (name) VALUES ('quokka'); SELECT name AS found FROM animal;";
    let body = form(&[("token", &token), ("query", query)]);
    let answer = serve.post(&format!("{home}&sql="), &[media_type, cookie], &body);
    assert!(answer.text().contains("<td>quokka"), "{}", answer.text());
    for _ in 0..3 {
        let table = serve.get_with(&format!("{home}&select=animal"), &[cookie]);
        assert!(table.text().contains("quokka"), "{}", table.text());
    }
    let stranger = serve.get(&format!("{home}&select=animal"));
    assert!(!stranger.text().contains("quokka"));
    let logout = form(&[("token", &token), ("logout", "1")]);
    let _ = serve.post(&home, &[media_type, cookie], &logout);
    let table = serve.get_with(&format!("{home}&select=animal"), &[cookie]);
    assert!(!table.text().contains("quokka"));
}

#[test]
fn adminer_makes_and_reads_a_table() {
    let site = site();
    let sessions = format!("session.save_path={}", site.join("sessions").display());
    makes_and_reads_a_table(&site, ["-d", &sessions]);
}

#[test]
fn adminer_keeps_its_login_in_every_store() {
    let (site, redis) = (site(), Redis::start());
    for store in stores(&site, &redis) {
        println!("{store}");
        makes_and_reads_a_table(&site, ["--sessions", &store]);
    }
}
