//! The status page.

use crate::support::{Serve, Site, request};

fn serve(site: &Site) -> Serve {
    let root = site.path().to_str().unwrap();
    Serve::start([root, "--workers", "2", "--status-path", "/server-status"])
}

fn site() -> Site {
    Site::new(&[("p.php", "<?php echo 1;")])
}

#[test]
fn json_counts_every_request() {
    let site = site();
    let serve = serve(&site);
    for _ in 0..5 {
        serve.get("/p.php");
    }
    serve.get("/missing");
    let answer = serve.get("/server-status?json");
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let status: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(status["http"]["requests"], 7);
    assert_eq!(status["http"]["responses"]["2xx"], 5);
    assert_eq!(status["http"]["responses"]["4xx"], 1);
    let pool = &status["pool"];
    assert_eq!(pool["totals"]["finished"], 5);
    assert_eq!(pool["max_children"], 2);
    assert_eq!(pool["workers"].as_array().unwrap().len(), 2);
    assert_eq!(pool["duration"]["count"], 5);
}

#[test]
fn openmetrics_is_well_formed() {
    let site = site();
    let serve = serve(&site);
    serve.get("/p.php");
    let answer = serve.get("/server-status?openmetrics");
    assert!(
        answer
            .field("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("\nphp_workers_limit 2\n"), "{text}");
    assert!(text.contains("php_requests_finished_total 1\n"), "{text}");
    assert!(
        text.contains("php_queue_wait_seconds_bucket{le=\"+Inf\"} 1\n"),
        "{text}"
    );
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn page_is_for_people_and_off_by_default() {
    let site = site();
    let serve = serve(&site);
    let page = serve.get("/server-status");
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("\"max_children\":2"));
    assert_eq!(
        serve
            .send(request("POST", "/server-status", &[], b""))
            .status,
        405
    );
    let off = Serve::start([site.path()]);
    assert_eq!(off.get("/server-status").status, 404);
}
