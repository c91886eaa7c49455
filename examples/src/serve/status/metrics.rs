//! The status as OpenMetrics text (OpenMetrics 1.0).

use std::fmt::{Display, Write};

use fpm_pool::{Histogram, Phase, Status};

use super::Snapshot;
use super::json::snake;
use crate::serve::php::{BackendStatus, UpstreamStatus};

/// Upper bounds of the buckets that are shown, in seconds.
const BOUNDS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];

pub(super) fn render(snapshot: &Snapshot) -> String {
    let mut text = Text(String::with_capacity(8192));
    http(&mut text, snapshot);
    match &snapshot.php {
        BackendStatus::Pool(status) => pool(&mut text, status),
        BackendStatus::Upstreams(list) => upstreams(&mut text, list),
    }
    text.0.push_str("# EOF\n");
    text.0
}

/// The text so far. Writing to a string cannot fail.
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# TYPE {name} {kind}\n# HELP {name} {help}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, "", value);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.sample(&format!("{name}_total"), "", value);
    }

    fn histogram(&mut self, name: &str, help: &str, times: &Histogram) {
        self.family(name, "histogram", help);
        for bound in BOUNDS {
            let below: u64 = times
                .buckets()
                .take_while(|(end, _)| end.as_secs_f64() <= bound)
                .map(|(_, count)| count)
                .sum();
            self.sample(&format!("{name}_bucket"), &label("le", bound), below);
        }
        self.sample(
            &format!("{name}_bucket"),
            &label("le", "+Inf"),
            times.count(),
        );
        self.sample(&format!("{name}_sum"), "", times.sum().as_secs_f64());
        self.sample(&format!("{name}_count"), "", times.count());
    }
}

fn label(name: &str, value: impl Display) -> String {
    let value = value
        .to_string()
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("{{{name}=\"{value}\"}}")
}

fn http(text: &mut Text, snapshot: &Snapshot) {
    let http = &snapshot.http;
    text.gauge(
        "serve_uptime_seconds",
        "Time since the start.",
        http.uptime_seconds,
    );
    text.counter("serve_requests", "Requests received.", http.requests);
    text.gauge(
        "serve_active_requests",
        "Requests being answered.",
        http.active_requests,
    );
    text.family("serve_responses", "counter", "Answers by class of status.");
    for (class, count) in ["2xx", "3xx", "4xx", "5xx"].iter().zip(http.by_class) {
        text.sample("serve_responses_total", &label("class", class), count);
    }
    text.counter(
        "serve_body_bytes",
        "Bytes of answers' bodies.",
        http.body_bytes,
    );
    text.counter(
        "serve_connections",
        "Connections accepted.",
        http.connections,
    );
    text.gauge(
        "serve_open_connections",
        "Connections that are open.",
        http.open_connections,
    );
}

fn pool(text: &mut Text, status: &Status) {
    text.family("php_workers", "gauge", "Workers by what they do.");
    for phase in [
        Phase::Starting,
        Phase::Idle,
        Phase::Busy,
        Phase::Recovering,
        Phase::Stopping,
    ] {
        let count = status
            .workers
            .iter()
            .filter(|worker| worker.phase == phase)
            .count();
        let name = snake(&format!("{phase:?}"));
        text.sample("php_workers", &label("state", name), count);
    }
    text.gauge(
        "php_workers_limit",
        "The most workers.",
        status.sizing.max_children(),
    );
    text.gauge(
        "php_generation",
        "Generation of the workers.",
        status.generation,
    );
    text.gauge(
        "php_queue_length",
        "Requests that wait for a worker.",
        status.queue_len,
    );
    text.gauge(
        "php_queue_limit",
        "The most requests that may wait.",
        status.queue_max_len,
    );
    text.gauge(
        "php_queue_blocked",
        "Of those that wait, the requests that wait for others with the same key.",
        status.blocked_len,
    );
    text.gauge(
        "php_processes",
        "Processes, with those that do not end.",
        status.processes,
    );
    text.gauge(
        "php_processes_limit",
        "The most processes.",
        status.max_processes,
    );
    text.gauge(
        "php_failures_in_a_row",
        "Failed starts of workers in a row.",
        status.failures_in_a_row,
    );
    let totals = &status.totals;
    text.counter(
        "php_requests_begun",
        "Requests that began on a worker.",
        totals.begun,
    );
    text.counter(
        "php_requests_failed",
        "Requests that began and failed.",
        totals.failed,
    );
    text.gauge("php_requests_running", "Requests that run.", status.running);
    text.counter(
        "php_requests_finished",
        "Requests that ended well.",
        totals.finished,
    );
    text.counter(
        "php_requests_queued",
        "Requests that waited.",
        totals.queued,
    );
    text.counter(
        "php_requests_replayed",
        "Requests that ran again.",
        totals.replayed,
    );
    text.family(
        "php_requests_abandoned",
        "counter",
        "Requests whose client left.",
    );
    text.sample(
        "php_requests_abandoned_total",
        &label("while", "queued"),
        totals.abandoned_in_queue,
    );
    text.sample(
        "php_requests_abandoned_total",
        &label("while", "running"),
        totals.abandoned,
    );
    text.family(
        "php_request_errors",
        "counter",
        "Failed and refused requests.",
    );
    for (kind, count) in &totals.errors {
        let kind = snake(&format!("{kind:?}"));
        text.sample("php_request_errors_total", &label("kind", kind), count);
    }
    text.counter(
        "php_workers_started",
        "Processes started.",
        totals.workers_started,
    );
    text.counter(
        "php_worker_start_failures",
        "Starts that failed.",
        totals.start_failures,
    );
    text.family("php_worker_exits", "counter", "Why workers ended.");
    for (reason, count) in &totals.exits {
        text.sample("php_worker_exits_total", &label("reason", reason), count);
    }
    text.counter("php_reloads", "Reloads that took effect.", totals.reloads);
    text.histogram(
        "php_queue_wait_seconds",
        "Wait for a worker.",
        &status.queue_wait,
    );
    text.histogram(
        "php_first_byte_seconds",
        "Time to the first byte.",
        &status.first_byte,
    );
    text.histogram(
        "php_duration_seconds",
        "Time on the worker.",
        &status.duration,
    );
}

/// Name, kind, help, and how to read the value.
type Family = (
    &'static str,
    &'static str,
    &'static str,
    fn(&UpstreamStatus) -> u64,
);

fn upstreams(text: &mut Text, list: &[UpstreamStatus]) {
    let families: [Family; 4] = [
        ("upstream_active", "gauge", "Requests that run.", |status| {
            status.active
        }),
        (
            "upstream_available",
            "gauge",
            "1 when requests go there.",
            |status| status.available.into(),
        ),
        ("upstream_requests", "counter", "Requests sent.", |status| {
            status.requests
        }),
        (
            "upstream_failures",
            "counter",
            "Failed requests.",
            |status| status.failures,
        ),
    ];
    for (name, kind, help, value) in families {
        text.family(name, kind, help);
        let suffix = if kind == "counter" { "_total" } else { "" };
        for status in list {
            let labels = label("address", &status.address);
            text.sample(&format!("{name}{suffix}"), &labels, value(status));
        }
    }
}
