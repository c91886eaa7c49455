//! What has to be the same everywhere for a comparison to mean anything.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::Contender;
use crate::load::{Expect, Request, fetch};

/// How long a server may take to start all its workers.
const START_LIMIT: Duration = Duration::from_secs(15);

/// What `settings.php` says about caching.
const CACHES: &str = "opcache caches";

/// Checks that all servers run the same PHP with the same settings, that its
/// scripts are cached, and that each server has the workers that it is to
/// have.
///
/// # Errors
///
/// When they do not; the message says who has what.
pub fn check(servers: &[Contender]) -> Result<(), String> {
    let mut first: Option<(&str, Map<String, Value>)> = None;
    for server in servers {
        workers(server)?;
        let settings = settings(server)?;
        if settings.get(CACHES) != Some(&Value::Bool(true)) {
            return Err(format!(
                "{}: opcache does not cache: install it (apt-get install \
                 --no-install-recommends php-opcache) or enable it",
                server.name
            ));
        }
        match &first {
            None => first = Some((server.name, settings)),
            Some((name, wanted)) if *wanted != settings => {
                let differences = differences(wanted, &settings);
                let names = format!("{name} and {}", server.name);
                return Err(format!("PHP differs between {names}: {differences}"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn workers(server: &Contender) -> Result<(), String> {
    let give_up = Instant::now() + START_LIMIT;
    loop {
        let running = server.worker_ids().len();
        if running == server.workers {
            return Ok(());
        }
        if Instant::now() > give_up {
            return Err(format!(
                "{} has {running} PHP workers instead of {}",
                server.name, server.workers
            ));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn settings(server: &Contender) -> Result<Map<String, Value>, String> {
    let request = Request::get("/settings.php", Expect::Any);
    let fault = |error: String| format!("{}: settings.php: {error}", server.name);
    let text = fetch(server.port, &request).map_err(fault)?;
    serde_json::from_str(&text).map_err(|error| fault(error.to_string()))
}

fn differences(one: &Map<String, Value>, other: &Map<String, Value>) -> String {
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    let differs = |name: &&&String| one.get(**name) != other.get(**name);
    let shown = names.iter().filter(differs).map(|&name| {
        let value = |map: &Map<String, Value>| map.get(name).unwrap_or(&Value::Null).to_string();
        format!("{name} is {} and {}", value(one), value(other))
    });
    shown.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named_with_both_values() {
        let map = |text| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let one = map(r#"{"memory_limit": "128M", "same": "1"}"#);
        let other = map(r#"{"memory_limit": "64M", "same": "1", "more": "x"}"#);
        assert_eq!(
            differences(&one, &other),
            r#"memory_limit is "128M" and "64M"; more is null and "x""#
        );
    }
}
