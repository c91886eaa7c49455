//! DokuWiki from the Debian package, through the server: installed, logged
//! in to, edited, given an image, searched.

use std::path::Path;
use std::process::Command;

use peers::Redis;

use crate::support::{Answer, Serve, Site, form, stores, wait_until};

const PACKAGE: &str = "/usr/share/dokuwiki";
const FORM: &str = "application/x-www-form-urlencoded";

/// A browser's memory: cookies and the token of the last form.
struct Visitor<'a> {
    serve: &'a Serve,
    cookies: Vec<(String, String)>,
    token: String,
}

impl<'a> Visitor<'a> {
    fn new(serve: &'a Serve) -> Self {
        Self {
            serve,
            cookies: Vec::new(),
            token: String::new(),
        }
    }

    fn remember(&mut self, answer: Answer) -> Answer {
        for pair in answer
            .cookies()
            .split("; ")
            .filter_map(|pair| pair.split_once('='))
        {
            self.cookies.retain(|(name, _)| name != pair.0);
            self.cookies.push((pair.0.to_owned(), pair.1.to_owned()));
        }
        let text = answer.text();
        if let Some((_, rest)) = text.split_once("name=\"sectok\" value=\"") {
            self.token = rest.split('"').next().unwrap().to_owned();
        }
        answer
    }

    fn cookie(&self) -> String {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        pairs.join("; ")
    }

    #[track_caller]
    fn get(&mut self, path: &str) -> Answer {
        let answer = self.serve.get_with(path, &[("Cookie", &self.cookie())]);
        self.remember(answer)
    }

    #[track_caller]
    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token.clone();
        let mut all = vec![("sectok", &*token)];
        all.extend_from_slice(fields);
        self.post_body(path, FORM, &form(&all))
    }

    #[track_caller]
    fn post_body(&mut self, path: &str, media_type: &str, body: &[u8]) -> Answer {
        let cookie = self.cookie();
        let fields = [("Content-Type", media_type), ("Cookie", &cookie)];
        let answer = self.serve.post(path, &fields, body);
        self.remember(answer)
    }
}

/// A writable copy with an empty data folder of its own.
fn copy() -> Site {
    assert!(
        Path::new(PACKAGE).exists(),
        "run: apt-get install --no-install-recommends dokuwiki"
    );
    let site = Site::new(&[]);
    let root = site.path().display();
    let script = format!(
        "cp -rL {PACKAGE}/. {root}/ && rm -f {root}/inc/preload.php {root}/.htaccess && \
         mkdir {root}/conf && for f in /etc/dokuwiki/*; do [ -L $f ] || cp -r $f {root}/conf/; done && \
         rm -f {root}/conf/local.php && \
         sed -i \"s,'/var/lib/dokuwiki/data','./data',\" {root}/conf/dokuwiki.php && \
         for d in attic cache index locks log media media_attic media_meta meta pages tmp; do mkdir -p {root}/data/$d; done"
    );
    let copied = Command::new("sh").args(["-ec", &script]).output().unwrap();
    assert!(
        copied.status.success(),
        "{}",
        String::from_utf8_lossy(&copied.stderr)
    );
    site
}

fn install(visitor: &mut Visitor<'_>) {
    assert!(
        visitor
            .get("/install.php")
            .text()
            .contains("DokuWiki Installer")
    );
    let answer = visitor.post(
        "/install.php",
        &[
            ("l", "en"),
            ("d[title]", "Test Wiki"),
            ("d[acl]", "on"),
            ("d[superuser]", "admin"),
            ("d[fullname]", "Ada"),
            ("d[email]", "ada@example.org"),
            ("d[password]", "secret1"),
            ("d[confirm]", "secret1"),
            ("d[policy]", "0"),
            ("d[license]", "cc-by-sa"),
            ("submit", ""),
        ],
    );
    assert!(
        answer
            .text()
            .contains("The configuration was finished successfully")
    );
}

fn log_in(visitor: &mut Visitor<'_>) {
    visitor.get("/doku.php?id=start&do=login");
    let answer = visitor.post(
        "/doku.php?id=start",
        &[
            ("id", "start"),
            ("do", "login"),
            ("u", "admin"),
            ("p", "secret1"),
            ("r", "1"),
        ],
    );
    assert_eq!(answer.status, 302);
    assert!(
        visitor
            .get("/doku.php?id=start")
            .text()
            .contains("Logged in as")
    );
}

/// The login, the pages that were visited and the logout, which are all in
/// the session.
#[track_caller]
fn stays_logged_in(visitor: &mut Visitor<'_>) {
    log_in(visitor);
    for page in ["one", "two", "three"] {
        let shown = visitor.get(&format!("/doku.php?id={page}")).text();
        assert!(shown.contains("Logged in as"), "{shown}");
    }
    let shown = visitor.get("/doku.php?id=one").text();
    let (_, trace) = shown.split_once("Trace:").expect("a line of visited pages");
    let (trace, _) = trace.split_once("</div>").expect("its end");
    for page in ["two", "three"] {
        assert!(trace.contains(&format!("title=\"{page}\"")), "{trace}");
    }
    let token = visitor.token.clone();
    visitor.get(&format!("/doku.php?id=one&do=logout&sectok={token}"));
    let shown = visitor.get("/doku.php?id=one").text();
    assert!(!shown.contains("Logged in as"), "{shown}");
}

#[test]
fn dokuwiki_keeps_its_login_in_every_store() {
    let (site, redis) = (copy(), Redis::start());
    let root = site.path().to_str().unwrap().to_owned();
    let arguments = [&*root, "--workers", "2", "--deny", "data", "--deny", "conf"];
    install(&mut Visitor::new(&Serve::start(arguments)));
    for page in ["one", "two", "three"] {
        site.write(&format!("data/pages/{page}.txt"), format!("Page {page}."));
    }
    // Beside the site, not in it.
    let beside = Site::new(&[]);
    for store in stores(&beside, &redis) {
        println!("{store}");
        let serve = Serve::start(arguments.into_iter().chain(["--sessions", &store]));
        stays_logged_in(&mut Visitor::new(&serve));
    }
    let kept = redis.cli(&["DBSIZE"]);
    assert_ne!(kept.trim(), "0", "Redis holds the last one");
}

#[test]
fn dokuwiki_is_installed_edited_and_searched() {
    let site = copy();
    let root = site.path().to_str().unwrap();
    let serve = Serve::start([root, "--workers", "2", "--deny", "data", "--deny", "conf"]);
    let mut visitor = Visitor::new(&serve);
    install(&mut visitor);
    log_in(&mut visitor);

    let editor = visitor.get("/doku.php?id=playground:test&do=edit");
    assert!(editor.text().contains("wikitext"));
    let answer = visitor.post(
        "/doku.php?id=playground:test",
        &[
            ("id", "playground:test"),
            ("rev", "0"),
            ("prefix", "."),
            ("suffix", ""),
            ("date", ""),
            ("target", "section"),
            ("summary", "made"),
            ("do[save]", "Save"),
            (
                "wikitext",
                "====== Quokka ======\n\nA page about **quokkas**.",
            ),
        ],
    );
    assert_eq!(answer.status, 302);
    let page = visitor.get("/doku.php?id=playground:test").text();
    assert!(page.contains("<strong>quokkas</strong>"), "{page}");
    assert!(site.join("data/pages/playground/test.txt").exists());

    visitor.get("/lib/exe/mediamanager.php?ns=playground");
    let image = std::fs::read(site.join("lib/images/page.png")).unwrap();
    let mut body = Vec::new();
    for (name, value) in [
        ("sectok", &*visitor.token),
        ("ns", "playground"),
        ("mediaid", "shot.png"),
    ] {
        body.extend(
            format!("--BB\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .bytes(),
        );
    }
    body.extend(b"--BB\r\nContent-Disposition: form-data; name=\"upload\"; filename=\"shot.png\"\r\nContent-Type: image/png\r\n\r\n");
    body.extend(&image);
    body.extend(b"\r\n--BB--\r\n");
    let path = "/lib/exe/mediamanager.php?ns=playground";
    let answer = visitor.post_body(path, "multipart/form-data; boundary=BB", &body);
    assert!(answer.text().contains("Upload successful"));
    let shown = visitor.get("/lib/exe/fetch.php?media=playground:shot.png");
    assert_eq!(shown.field("content-type"), Some("image/png"));
    assert!(shown.body == image);

    wait_until("the page is found", || {
        visitor.get("/lib/exe/taskrunner.php?id=playground:test");
        visitor
            .get("/doku.php?do=search&q=quokkas")
            .text()
            .contains("search_hit")
    });
    for path in [
        "/lib/exe/css.php",
        "/lib/tpl/dokuwiki/images/logo.png",
        "/lib/exe/js.php",
    ] {
        assert_eq!(visitor.get(path).status, 200, "{path}");
    }
    for path in [
        "/data/pages/playground/test.txt",
        "/conf/users.auth.php",
        "/conf/local.php",
    ] {
        assert_eq!(visitor.get(path).status, 404, "{path}");
    }
}
