//! Counting with valgrind.

use std::env;
use std::process::Command;

use super::CHILD;
use super::cases::{ALL, Case};

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tool {
    Instructions,
    Allocations,
}

impl Tool {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Instructions => &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
            Self::Allocations => &[
                "--tool=memcheck",
                "--leak-check=no",
                "--undef-value-errors=no",
            ],
        }
    }

    /// The words in front of the number in valgrind's summary.
    const fn marker(self) -> &'static str {
        match self {
            Self::Instructions => "Collected :",
            Self::Allocations => "total heap usage:",
        }
    }
}

/// What one operation of `case` costs.
pub(super) fn measure(tool: Tool, case: &Case) -> Result<f64, String> {
    let index = ALL
        .iter()
        .position(|other| std::ptr::eq(other, case))
        .ok_or("a case that is not in the list")?;
    let (few, more) = case.iterations;
    let first = count(tool, index, few)?;
    let second = count(tool, index, more)?;
    Ok((second - first) / f64::from(more - few))
}

/// Runs this program under valgrind for one case.
fn count(tool: Tool, index: usize, iterations: u32) -> Result<f64, String> {
    let valgrind = peers::try_tool("valgrind").ok_or(
        "valgrind is not installed; run: apt-get install --no-install-recommends valgrind",
    )?;
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(valgrind)
        .args(tool.arguments())
        .arg(program)
        .arg("codec")
        .env(CHILD, format!("{index}:{iterations}"))
        // `rep movsb` would count each byte that it copies as an instruction.
        .env(
            "GLIBC_TUNABLES",
            "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824",
        )
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    number_after(&text, tool.marker())
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("valgrind: no `{}` in its output:\n{text}", tool.marker()))
}

/// The number behind `marker`, with or without separators.
fn number_after(text: &str, marker: &str) -> Option<f64> {
    let rest = text.split(marker).nth(1)?.trim_start();
    let digits: String = rest
        .chars()
        .take_while(|letter| letter.is_ascii_digit() || *letter == ',')
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_and_without_separators() {
        assert_eq!(
            number_after("==1== Collected : 1234\n", "Collected :"),
            Some(1234.0)
        );
        let heap = "==1==   total heap usage: 1,234 allocs, 5 frees";
        assert_eq!(number_after(heap, "total heap usage:"), Some(1234.0));
        assert_eq!(number_after("nothing", "Collected :"), None);
    }
}
