//! One crowd that comes, waits and leaves, and the calm after it.

use std::collections::HashMap;
use std::fs;
use std::thread;
use std::time::Duration;

use crate::load::{Answered, OpenLoop, Patience, open_loop};
use crate::site::Site;

/// Seconds at the start of a run that do not count: the queue fills.
const WARM_UP: f64 = 1.5;

/// An answer within this many seconds is one from a server at rest.
const AT_REST: f64 = 0.1;

/// Arrivals in the calm, as a share of the capacity.
const CALM: f64 = 0.25;

/// How long the calm is watched: the time that php-fpm's backlog of 511
/// takes at the capacity that is left.
const CALM_TIME: Duration = Duration::from_secs(4);

/// Ids of the clients in the calm start here.
const CALM_IDS: u64 = 1_000_000;

/// Clients that arrive together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    pub(super) port: u16,
    /// Answers per second that the server is able to give.
    pub(super) capacity: f64,
    /// Arrivals in percent of the capacity.
    pub(super) load: u32,
    pub(super) patience: Patience,
    pub(super) duration: Duration,
}

/// What one run showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    /// Answers per second to clients that still waited.
    pub(super) goodput: f64,
    /// Of the scripts that were started, the share whose client had left.
    pub(super) abandoned_share: f64,
    /// Time after the crowd until every client is answered as by a server at
    /// rest; 0 where there was no overload to recover from.
    pub(super) recovery_seconds: f64,
}

impl Crowd {
    pub(super) fn run(&self, site: &Site) -> Result<Outcome, String> {
        // There is none before the first run.
        let _ = fs::remove_file(site.work_log());
        let crowd = OpenLoop {
            port: self.port,
            target: "/work.php".to_owned(),
            rate: self.capacity * f64::from(self.load) / 100.0,
            duration: self.duration,
            patience: self.patience,
            first_id: 1,
        };
        let (clients, calm) = if self.load > 100 {
            with_calm(&crowd, self.capacity * CALM)?
        } else {
            (open_loop(&crowd)?, Vec::new())
        };
        let log = fs::read_to_string(site.work_log());
        let log = log.map_err(|error| format!("work.log: {error}"))?;
        let seconds = self.duration.as_secs_f64();
        let counted = |client: &&Answered| {
            client
                .latency
                .is_some_and(|latency| (WARM_UP..seconds).contains(&(client.arrived + latency)))
        };
        Ok(Outcome {
            goodput: clients.iter().filter(counted).count() as f64 / (seconds - WARM_UP),
            abandoned_share: abandoned_share(&clients, &log),
            recovery_seconds: recovery(&calm),
        })
    }
}

/// The calm begins while the crowd's last clients still wait.
fn with_calm(crowd: &OpenLoop, rate: f64) -> Result<(Vec<Answered>, Vec<Answered>), String> {
    let calm = OpenLoop {
        rate,
        duration: CALM_TIME,
        first_id: CALM_IDS,
        ..crowd.clone()
    };
    thread::scope(|scope| {
        let after = scope.spawn(|| {
            thread::sleep(crowd.duration);
            open_loop(&calm)
        });
        let clients = open_loop(crowd)?;
        let calm = after.join();
        let calm = calm.map_err(|_| "the load generator failed".to_owned())?;
        Ok((clients, calm?))
    })
}

/// Of the scripts that `log` says were started for the crowd, the share whose
/// client had left.
fn abandoned_share(clients: &[Answered], log: &str) -> f64 {
    let left: HashMap<u64, f64> = clients
        .iter()
        .filter(|client| client.latency.is_none())
        .map(|client| (client.id, client.ended))
        .collect();
    let (mut started, mut abandoned) = (0_u32, 0_u32);
    for line in log.lines() {
        let Some((id, begun)) = line.split_once(' ') else {
            continue;
        };
        let (Ok(id), Ok(begun)) = (id.parse::<u64>(), begun.parse::<f64>()) else {
            continue;
        };
        if id < CALM_IDS {
            started += 1;
            abandoned += u32::from(left.get(&id).is_some_and(|&ended| ended < begun));
        }
    }
    f64::from(abandoned) / f64::from(started.max(1))
}

/// Seconds after the crowd until every client is answered as by a server at
/// rest.
fn recovery(calm: &[Answered]) -> f64 {
    calm.iter()
        .filter(|client| client.latency.is_none_or(|latency| latency > AT_REST))
        .map(|client| client.arrived)
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: u64, latency: Option<f64>, ended: f64) -> Answered {
        Answered {
            id,
            arrived: id as f64,
            latency,
            ended,
            refused: false,
        }
    }

    #[test]
    fn only_scripts_of_clients_that_had_left_before_are_abandoned() {
        let clients = [
            client(1, Some(0.1), 10.0),
            client(2, None, 11.0),
            client(3, None, 12.0),
            client(4, None, 13.0),
        ];
        // 2 left before its script began, 3 while it ran, 4 never ran.
        let log = "1 9.9\n2 11.5\n3 11.9\n1000000 20.0\n";
        let share = abandoned_share(&clients, log);
        assert!((share - 1.0 / 3.0).abs() < 1e-9, "{share}");
    }

    #[test]
    fn recovery_ends_with_the_last_slow_answer() {
        let calm = [
            client(1, None, 0.0),
            client(2, Some(0.5), 0.0),
            client(3, Some(0.02), 0.0),
        ];
        assert_eq!(recovery(&calm), 2.0);
        assert_eq!(recovery(&[]), 0.0);
    }
}
