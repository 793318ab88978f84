//! Other programs: started so that they end with the test, and sent signals.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

/// A program on the path, which that Debian package brings.
pub fn installed(name: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = env::split_paths(&path).map(|place| place.join(name));
    places.find(|it| it.is_file()).unwrap_or_else(|| {
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
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    run(&format!(
        "kill -{name} {pid} {}",
        children.unwrap_or_default()
    ));
}

fn run(script: &str) {
    // A process may have ended meanwhile: that is no failure.
    let _ = Command::new("sh")
        .args(["-c", script])
        .stderr(Stdio::null())
        .status();
}
