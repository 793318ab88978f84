//! PostgreSQL as it is installed on this machine, and data folders for it.
//!
//! Making a data folder takes seconds: it is made once, kept beside what was built, and copied. The server
//! refuses to run as root: then it runs as `nobody`.

use std::{
    env, fs,
    io::Write,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::{cache, process::ending_with_us};

/// A new version of what makes the template gets a new name.
const TEMPLATE: &str = "postgres-2";

/// A small data folder, to copy.
pub fn template() -> PathBuf {
    let cache = cache::folder();
    let template = cache.join(TEMPLATE);
    let lock = fs::File::create(cache.join("postgres.lock")).expect("a lock");
    lock.lock().expect("our turn");
    if template.exists() {
        return template;
    }
    let folder = folder_of_server();
    let made = folder.path().join("data");
    // Less to copy.
    make_data(&made, &["--wal-segsize=1"]);
    leave_one_database(&made);
    let half_made = cache.join(format!("{TEMPLATE}.new"));
    let _ = fs::remove_dir_all(&half_made);
    copy(&made, &half_made);
    fs::rename(&half_made, &template).expect("the folder gets its name");
    template
}

/// Its language is not that of machines, so that an order of ours that relies on it shows.
pub fn make_data(folder: &Path, options: &[&str]) {
    let output = as_server("KILL")
        .arg(program("initdb"))
        .arg("-D")
        .arg(folder)
        .args(["--username=postgres", "--auth=trust", "--no-sync"])
        .args(["--encoding=UTF8", "--locale=C.UTF-8"])
        .args(["--locale-provider=icu", "--icu-locale=en"])
        .args(options)
        .current_dir(folder.parent().expect("it is in another"))
        .output()
        .expect("setpriv, of util-linux, runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "no data folder: {words}");
}

/// Of the three that `initdb` makes: there is less to copy.
fn leave_one_database(folder: &Path) {
    let script = b"drop database postgres\n\
        update pg_database set datistemplate = false where datname = 'template0'\n\
        drop database template0\n";
    let mut alone = as_server("KILL")
        .arg(program("postgres"))
        .arg("--single")
        .arg("-D")
        .args([folder, Path::new("template1")])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("setpriv, of util-linux, runs");
    let mut input = alone.stdin.take().expect("it was asked for");
    input.write_all(script).expect("it reads");
    drop(input);
    assert!(alone.wait().is_ok_and(|it| it.success()), "it ends well");
}

/// Runs what follows as a user that the server accepts.
pub fn as_server(signal_at_our_end: &str) -> Command {
    let mut command = ending_with_us(signal_at_our_end);
    if let Some((user, group)) = other_user() {
        let user = user.to_string();
        let group = group.to_string();
        command.args(["--reuid", &user, "--regid", &group, "--clear-groups"]);
    }
    command
}

pub fn folder_of_server() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    if let Some((user, group)) = other_user() {
        let given = chown(folder.path(), Some(user), Some(group));
        given.expect("root may give it away");
    }
    folder
}

/// With its owner and its rights.
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.is_ok_and(|it| it.success()), "the folder is copied");
}

/// `nobody`, if this is root.
fn other_user() -> Option<(u32, u32)> {
    let us = fs::metadata("/proc/self").expect("Linux").uid();
    (us == 0).then_some((65_534, 65_534))
}

/// On the path, or where Debian has it.
pub fn program(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = env::split_paths(&path).collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        let mut versions: Vec<_> = versions.flatten().map(|it| it.path()).collect();
        versions.sort();
        places.extend(versions.into_iter().rev().map(|it| it.join("bin")));
    }
    let mut found = places.iter().map(|place| place.join(name));
    found.find(|it| it.is_file()).unwrap_or_else(|| {
        panic!("`{name}` is missing: `make setup` installs it (apt-get install postgresql)")
    })
}
