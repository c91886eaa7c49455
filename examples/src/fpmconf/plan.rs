//! `fpmconf plan`.

use std::time::Duration;

use clap::ValueEnum;
use fpm_config::plan::{Measured, plan};

use super::{Failure, Outcome, print, units};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The arithmetic and the lines to write.
    Text,
    /// One JSON object.
    Json,
}

/// Proposes pm settings from measured memory and traffic.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Memory of one worker under load, such as 60M.
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    worker_memory: u64,
    /// Memory that workers may take together, such as 4G.
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    memory: u64,
    /// Memory of that to keep free.
    #[arg(long, value_name = "SIZE", value_parser = units::bytes, default_value = "0")]
    reserve: u64,
    /// Requests a second at the busiest time, such as 50/s.
    #[arg(long, value_name = "RATE", value_parser = units::rate)]
    rate: f64,
    /// Mean time of a request in a worker, such as 120ms.
    #[arg(long, value_name = "TIME", value_parser = units::time)]
    service_time: Duration,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let memory = args.memory.saturating_sub(args.reserve);
    let measured = Measured::new(args.worker_memory, memory, args.rate, args.service_time);
    let plan = plan(&measured)?;
    let out = match args.format {
        Format::Json => serde_json::to_string_pretty(&plan)? + "\n",
        Format::Text => {
            let steps = plan.steps.iter().map(|step| format!("; {step}\n"));
            let lines = plan.lines().into_iter().map(|line| line + "\n");
            steps
                .chain(std::iter::once("\n".to_owned()))
                .chain(lines)
                .collect()
        }
    };
    print(out.as_bytes());
    Ok(Outcome::Clean)
}
