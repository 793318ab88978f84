//! What processes on this machine use, as the kernel counts it.

use std::{fs, process};

/// The kernel's ticks per second, for every program on Linux.
const TICKS: f64 = 100.0;

/// This process.
pub fn own_id() -> u32 {
    process::id()
}

/// CPU seconds that a process has used so far, in user and system mode. `None` if there is none.
pub fn cpu_seconds(process: u32) -> Option<f64> {
    cpu_in(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The resident memory of a process now, in KiB. `None` if there is none.
pub fn resident_kib(process: u32) -> Option<u64> {
    kib(process, "VmRSS:")
}

/// The most resident memory that a process ever had, in KiB. `None` if there is none.
pub fn peak_kib(process: u32) -> Option<u64> {
    kib(process, "VmHWM:")
}

fn kib(process: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

fn cpu_in(stat: &str) -> Option<f64> {
    // The second field is the name in brackets, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(cpu_in(stat), Some(3.0));
    }

    #[test]
    fn this_process_has_memory() {
        let resident = resident_kib(own_id());
        assert!(resident.is_some_and(|kib| kib > 0));
        assert!(peak_kib(own_id()) >= resident);
        assert!(cpu_seconds(own_id()).is_some());
    }
}
