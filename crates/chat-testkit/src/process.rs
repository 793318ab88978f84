//! Other programs: started so that they end with the test, and sent signals.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use chat_load::usage::children;

/// Where `make setup` puts programs, and where Debian puts those that run services.
const OTHER_PLACES: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/bin"),
    "/usr/sbin",
];

/// A program on the path, which that Debian package brings.
pub fn installed(name: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(OTHER_PLACES.map(PathBuf::from));
    let mut programs = places.map(|place| place.join(name));
    programs.find(|it| it.is_file()).unwrap_or_else(|| {
        panic!("`{name}` is missing: `make setup` installs it (apt-get install {package})")
    })
}

/// What runs the program that is its next argument.
///
/// The program gets the signal when the thread that starts it ends, also if nobody lives to drop anything.
pub fn ending_with_us(signal: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal]);
    command
}

/// Sends a signal, such as `KILL`, to one process, if it is still there.
pub fn signal(name: &str, pid: u32) {
    run(&format!("kill -{name} {pid}"));
}

/// Sends a signal to a process, and to those that it has started.
pub fn signal_family(name: &str, pid: u32) {
    signal_all(name, pid, &children(pid));
}

/// Kills a process, and those that it has started. Returns the latter: they are not ours to wait for.
pub fn kill_family(pid: u32) -> Vec<u32> {
    // Who is stopped starts nobody whom we would not see.
    signal("STOP", pid);
    let children = children(pid);
    signal_all("KILL", pid, &children);
    children
}

/// Whether a process still has anything of its own, such as memory that it shares.
pub fn is_alive(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the name, which stands in brackets. A zombie has nothing any more.
    let state = state.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

fn signal_all(name: &str, pid: u32, others: &[u32]) {
    let others: Vec<String> = others.iter().map(ToString::to_string).collect();
    run(&format!("kill -{name} {pid} {}", others.join(" ")));
}

fn run(script: &str) {
    // A process may have ended meanwhile: that is no failure.
    let _ = Command::new("sh")
        .args(["-c", script])
        .stderr(Stdio::null())
        .status();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_killed_is_dead_and_so_are_those_it_has_started() {
        let script = "sleep 60 & sleep 60 & wait";
        let mut parent = Command::new("sh").args(["-c", script]).spawn().unwrap();
        while children(parent.id()).len() < 2 {
            std::thread::yield_now();
        }

        let orphans = kill_family(parent.id());

        assert_eq!(orphans.len(), 2);
        parent.wait().unwrap();
        assert!(!is_alive(parent.id()));
        while orphans.iter().any(|pid| is_alive(*pid)) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn this_process_is_alive() {
        assert!(is_alive(std::process::id()));
    }
}
