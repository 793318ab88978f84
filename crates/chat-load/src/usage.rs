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
    cpu_in(&stat(process)?, 2)
}

/// The same of a process and of all that it has started, such as those of a database, whether or not they still run.
pub fn family_cpu_seconds(process: u32) -> Option<f64> {
    let own = cpu_in(&stat(process)?, 4)?;
    let theirs = children(process).into_iter().filter_map(family_cpu_seconds);
    Some(own + theirs.sum::<f64>())
}

/// The processes that a process has started and that still run.
pub fn children(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let ids = children.split_whitespace().map(str::parse);
    ids.flatten().collect()
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

fn stat(process: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{process}/stat")).ok()
}

/// Four times there are: of the process in user mode and in system mode, and of those it started that have ended.
fn cpu_in(stat: &str, times: usize) -> Option<f64> {
    // The second field is the name in brackets, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let ticks: Option<Vec<f64>> = (0..times).map(|_| fields.next()?.parse().ok()).collect();
    Some(ticks?.iter().sum::<f64>() / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 70 30 0 0";
        assert_eq!(cpu_in(stat, 2), Some(3.0));
        assert_eq!(cpu_in(stat, 4), Some(4.0));
    }

    #[test]
    fn this_process_has_memory() {
        let resident = resident_kib(own_id());
        assert!(resident.is_some_and(|kib| kib > 0));
        assert!(peak_kib(own_id()) >= resident);
        assert!(cpu_seconds(own_id()) <= family_cpu_seconds(own_id()));
        assert!(cpu_seconds(own_id()).is_some());
    }
}
