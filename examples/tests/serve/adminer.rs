//! Adminer from the Debian package, on an SQLite database.

use std::path::Path;

use crate::support::{Answer, Serve, Site, form};

/// Adminer refuses databases without a password; its own plugin asks for one.
const INDEX: &str = "<?php
function adminer_object() {
    include_once '/usr/share/adminer/plugins/plugin.php';
    include_once '/usr/share/adminer/plugins/login-password-less.php';
    return new AdminerPlugin([new AdminerLoginPasswordLess(password_hash('secret', PASSWORD_DEFAULT))]);
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

#[test]
fn adminer_makes_and_reads_a_table() {
    let package = Path::new("/usr/share/adminer/adminer.php");
    assert!(
        package.exists(),
        "run: apt-get install --no-install-recommends adminer php-sqlite3"
    );
    let site = Site::new(&[
        ("root/index.php", INDEX),
        ("test.db", ""),
        ("sessions/keep", ""),
    ]);
    let (root, database) = (site.join("root"), site.join("test.db"));
    let database = database.to_str().unwrap();
    let sessions = format!("session.save_path={}", site.join("sessions").display());
    let serve = Serve::start([root.to_str().unwrap(), "--workers", "2", "-d", &sessions]);
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
    let table = serve.get_with(&format!("{home}&select=animal"), &[cookie]);
    assert!(table.text().contains("quokka"));
}
