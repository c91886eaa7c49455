//! How many workers: from measured memory and traffic, arithmetic shown.

use std::time::Duration;

use crate::schema::ProcessManager;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// Memory of one worker under load, in bytes (proportional set size).
    pub worker_memory_bytes: u64,
    /// Memory that workers may take together, in bytes: the machine's less
    /// what everything else needs.
    pub available_memory_bytes: u64,
    /// Requests that arrive each second, at the busiest time.
    pub arrivals_per_second: f64,
    /// Mean time that a worker takes for a request.
    pub mean_service_time: Duration,
}

impl Measured {
    /// All four numbers.
    #[must_use]
    pub const fn new(
        worker_memory_bytes: u64,
        available_memory_bytes: u64,
        arrivals_per_second: f64,
        mean_service_time: Duration,
    ) -> Self {
        Self {
            worker_memory_bytes,
            available_memory_bytes,
            arrivals_per_second,
            mean_service_time,
        }
    }
}

/// The settings to write.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Plan {
    /// `pm`
    pub pm: ProcessManager,
    /// `pm.max_children`
    pub max_children: u32,
    /// `pm.start_servers`, with dynamic.
    pub start_servers: Option<u32>,
    /// `pm.min_spare_servers`, with dynamic.
    pub min_spare_servers: Option<u32>,
    /// `pm.max_spare_servers`, with dynamic.
    pub max_spare_servers: Option<u32>,
    /// Mean number of busy workers.
    pub busy_workers: f64,
    /// Workers that fit into memory.
    pub memory_workers: u32,
    /// Workers that the traffic needs.
    pub needed_workers: u32,
    /// Whether memory is too small for the traffic: requests will queue.
    pub saturated: bool,
    /// How each number came about, one line each.
    pub steps: Vec<String>,
}

/// What was measured makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A worker takes no memory; measure one under load.
    #[error("a worker's memory must be more than 0")]
    NoWorkerMemory,
    /// Not even one worker fits; free memory or make workers smaller.
    #[error("not one worker fits into the memory")]
    NoRoom,
    /// The arrival rate is negative or no number.
    #[error("the arrival rate must be 0 or more")]
    BadRate,
}

/// Proposes settings.
///
/// Busy workers are rate × time (Little's law). Twice the square root of that
/// on top keeps the chance of waiting small (square-root staffing). Memory
/// bounds the result.
///
/// # Errors
///
/// [`PlanError`] for numbers that make no sense.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use fpm_config::plan::{Measured, plan};
///
/// let measured = Measured::new(64 << 20, 2 << 30, 50.0, Duration::from_millis(120));
/// let plan = plan(&measured)?;
/// assert_eq!(plan.memory_workers, 32); // 2 GiB / 64 MiB
/// assert_eq!(plan.max_children, 11); // 6 busy + 2 × √6
/// # Ok::<(), fpm_config::plan::PlanError>(())
/// ```
pub fn plan(measured: &Measured) -> Result<Plan, PlanError> {
    let rate = measured.arrivals_per_second;
    if measured.worker_memory_bytes == 0 {
        return Err(PlanError::NoWorkerMemory);
    }
    if !rate.is_finite() || rate < 0.0 {
        return Err(PlanError::BadRate);
    }
    let fits = measured.available_memory_bytes / measured.worker_memory_bytes;
    let memory_workers = u32::try_from(fits).unwrap_or(u32::MAX);
    if memory_workers == 0 {
        return Err(PlanError::NoRoom);
    }
    let seconds = measured.mean_service_time.as_secs_f64();
    let busy = rate * seconds;
    let needed = ceil(busy + 2.0 * busy.sqrt()).max(1);
    let max_children = needed.min(memory_workers);
    let mut plan = Plan {
        pm: manager(busy, max_children),
        max_children,
        start_servers: None,
        min_spare_servers: None,
        max_spare_servers: None,
        busy_workers: busy,
        memory_workers,
        needed_workers: needed,
        saturated: busy >= f64::from(max_children),
        steps: Vec::new(),
    };
    plan.steps = steps(measured, &plan);
    if plan.pm == ProcessManager::Dynamic {
        plan.spares(busy);
    }
    Ok(plan)
}

/// Many workers busy most of the time: keep all. Hardly ever one: none.
fn manager(busy: f64, max_children: u32) -> ProcessManager {
    if busy < 0.2 {
        ProcessManager::Ondemand
    } else if busy >= 0.6 * f64::from(max_children) {
        ProcessManager::Static
    } else {
        ProcessManager::Dynamic
    }
}

fn steps(measured: &Measured, plan: &Plan) -> Vec<String> {
    let mib = |bytes: u64| bytes >> 20;
    let rate = measured.arrivals_per_second;
    let seconds = measured.mean_service_time.as_secs_f64();
    let busy = plan.busy_workers;
    let mut steps = vec![
        format!(
            "memory:  {} MiB / {} MiB a worker = {} workers fit",
            mib(measured.available_memory_bytes),
            mib(measured.worker_memory_bytes),
            plan.memory_workers
        ),
        format!("traffic: {rate} requests/s × {seconds} s = {busy:.2} workers busy on average"),
        format!(
            "peaks:   {busy:.2} + 2 × √{busy:.2} = {:.2}, rounded up: {} workers",
            busy + 2.0 * busy.sqrt(),
            plan.needed_workers
        ),
        format!(
            "pm.max_children = min({}, {}) = {}",
            plan.needed_workers, plan.memory_workers, plan.max_children
        ),
    ];
    if plan.saturated {
        let most = f64::from(plan.max_children) / seconds;
        steps.push(format!(
            "memory is too small: {} / {seconds} s = {most:.1} requests/s at most, the rest waits",
            plan.max_children
        ));
    }
    let share = 100.0 * busy / f64::from(plan.max_children);
    steps.push(format!(
        "pm = {}: {share:.0} % of the workers are busy on average",
        plan.pm.as_str()
    ));
    steps
}

impl Plan {
    /// Spare servers: what a second may bring on top, and twice that.
    fn spares(&mut self, busy: f64) {
        let most = self.max_children;
        let min = ceil(busy.sqrt()).clamp(1, most);
        let max = (2 * min).clamp(min, most);
        let start = ceil(busy).clamp(min, max);
        self.min_spare_servers = Some(min);
        self.max_spare_servers = Some(max);
        self.start_servers = Some(start);
        self.steps.push(format!(
            "pm.min_spare_servers = ⌈√{busy:.2}⌉ = {min}: php-fpm starts no more a second"
        ));
        self.steps.push(format!(
            "pm.max_spare_servers = 2 × {min}, at most {most} = {max}"
        ));
        self.steps.push(format!(
            "pm.start_servers = ⌈{busy:.2}⌉ within {min} to {max} = {start}"
        ));
    }

    /// The lines for a pool's section.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("pm = {}", self.pm.as_str()),
            format!("pm.max_children = {}", self.max_children),
        ];
        let spares = [
            ("pm.start_servers", self.start_servers),
            ("pm.min_spare_servers", self.min_spare_servers),
            ("pm.max_spare_servers", self.max_spare_servers),
        ];
        for (name, value) in spares {
            if let Some(value) = value {
                lines.push(format!("{name} = {value}"));
            }
        }
        lines
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is not negative, and a conversion saturates"
)]
fn ceil(number: f64) -> u32 {
    number.ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(memory: u64, rate: f64, millis: u64) -> Plan {
        let time = Duration::from_millis(millis);
        plan(&Measured::new(50 << 20, memory << 20, rate, time)).unwrap()
    }

    #[test]
    fn memory_bounds_what_traffic_wants() {
        let small = planned(200, 100.0, 200);
        assert_eq!((small.max_children, small.saturated), (4, true));
        assert_eq!(small.pm, ProcessManager::Static);
    }

    #[test]
    fn spares_stay_within_php_fpms_rules() {
        for rate in [1.0, 3.0, 10.0, 40.0] {
            let plan = planned(100_000, rate, 300);
            if plan.pm != ProcessManager::Dynamic {
                continue;
            }
            let (min, max) = (
                plan.min_spare_servers.unwrap(),
                plan.max_spare_servers.unwrap(),
            );
            let start = plan.start_servers.unwrap();
            assert!(1 <= min && min <= start && start <= max && max <= plan.max_children);
        }
    }

    #[test]
    fn nothing_to_do_means_ondemand() {
        assert_eq!(planned(1000, 0.0, 100).pm, ProcessManager::Ondemand);
        assert_eq!(planned(1000, 0.0, 100).max_children, 1);
    }
}
