//! The status as one JSON object. Times are in seconds.

use std::time::Duration;

use fpm_pool::{Histogram, RequestStatus, Sizing, Status, WorkerStatus};
use serde_json::{Value, json};

use super::Snapshot;
use crate::serve::php::{BackendStatus, UpstreamStatus};

pub(super) fn render(snapshot: &Snapshot) -> String {
    let http = &snapshot.http;
    let [ok, redirected, client_errors, server_errors] = http.by_class;
    let mut root = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "http": {
            "uptime_seconds": http.uptime_seconds,
            "requests": http.requests,
            "active_requests": http.active_requests,
            "responses": {
                "2xx": ok, "3xx": redirected, "4xx": client_errors, "5xx": server_errors,
            },
            "body_bytes": http.body_bytes,
            "connections": http.connections,
            "open_connections": http.open_connections,
        },
    });
    match &snapshot.php {
        BackendStatus::Pool(status) => root["pool"] = pool(status),
        BackendStatus::Upstreams(list) => {
            root["upstreams"] = list.iter().map(upstream).collect();
        }
    }
    root.to_string()
}

fn pool(status: &Status) -> Value {
    let totals = &status.totals;
    let errors: serde_json::Map<_, _> = totals
        .errors
        .iter()
        .map(|(kind, count)| (snake(&format!("{kind:?}")), (*count).into()))
        .collect();
    let exits: Vec<Value> = totals
        .exits
        .iter()
        .map(|(reason, count)| json!({ "reason": reason.to_string(), "count": count }))
        .collect();
    json!({
        "name": &*status.pool,
        "process_manager": process_manager(status.sizing),
        "max_children": status.sizing.max_children(),
        "uptime_seconds": status.uptime.as_secs_f64(),
        "generation": status.generation,
        "accepting": status.accepting,
        "idle_workers": status.idle(),
        "active_workers": status.active(),
        "active_workers_peak": status.active_peak,
        "failures_in_a_row": status.failures_in_a_row,
        "processes": status.processes,
        "max_processes": status.max_processes,
        "running": status.running,
        "queue": {
            "length": status.queue_len,
            "limit": status.queue_max_len,
            "blocked": status.blocked_len,
            "peak": status.queue_peak,
            "wait": histogram(&status.queue_wait),
        },
        "first_byte": histogram(&status.first_byte),
        "duration": histogram(&status.duration),
        "totals": {
            "begun": totals.begun,
            "finished": totals.finished,
            "failed": totals.failed,
            "abandoned": totals.abandoned,
            "queued": totals.queued,
            "replayed": totals.replayed,
            "abandoned_in_queue": totals.abandoned_in_queue,
            "errors": errors,
            "workers_started": totals.workers_started,
            "start_failures": totals.start_failures,
            "exits": exits,
            "max_children_reached": totals.max_children_reached,
            "reloads": totals.reloads,
        },
        "workers": status.workers.iter().map(worker).collect::<Vec<_>>(),
    })
}

pub(super) fn process_manager(sizing: Sizing) -> &'static str {
    match sizing {
        Sizing::Static { .. } => "static",
        Sizing::Dynamic { .. } => "dynamic",
        Sizing::Ondemand { .. } => "ondemand",
        _ => "other",
    }
}

fn worker(worker: &WorkerStatus) -> Value {
    json!({
        "id": worker.id.get(),
        "process_id": worker.process_id,
        "generation": worker.generation,
        "state": snake(&format!("{:?}", worker.phase)),
        "state_seconds": worker.in_phase.as_secs_f64(),
        "age_seconds": worker.age.as_secs_f64(),
        "requests": worker.requests,
        "request": worker.request.as_ref().map(request),
    })
}

fn request(request: &RequestStatus) -> Value {
    let param = |name: &[u8]| {
        let value = request.param(name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    json!({
        "method": param(b"REQUEST_METHOD"),
        "uri": param(b"REQUEST_URI"),
        "script": param(b"SCRIPT_FILENAME"),
        "client": param(b"REMOTE_ADDR"),
        "running_seconds": request.running.as_secs_f64(),
        "queue_wait_seconds": request.queue_wait.as_secs_f64(),
    })
}

fn upstream(status: &UpstreamStatus) -> Value {
    json!({
        "address": status.address,
        "active": status.active,
        "requests": status.requests,
        "failures": status.failures,
        "available": status.available,
    })
}

fn histogram(times: &Histogram) -> Value {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    json!({
        "count": times.count(),
        "mean_seconds": seconds(times.mean()),
        "p50_seconds": seconds(times.quantile(0.5)),
        "p90_seconds": seconds(times.quantile(0.9)),
        "p99_seconds": seconds(times.quantile(0.99)),
        "max_seconds": times.max().as_secs_f64(),
    })
}

/// `QueueFull` as `queue_full`.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_become_snake_case() {
        assert_eq!(snake("QueueFull"), "queue_full");
        assert_eq!(snake("Idle"), "idle");
    }
}
