//! A folder for what is slow to make and the same for every test. It goes with what was built.

use std::{env, fs, path::PathBuf};

/// Cargo marks its folder with it.
const MARK: &str = "CACHEDIR.TAG";

/// The folder, which is there. It is shared: who makes something in it, takes a lock.
pub fn folder() -> PathBuf {
    // Cargo names this folder to integration tests alone, when it builds them.
    let test = env::current_exe().expect("a test is a program");
    let built = test.ancestors().find(|folder| folder.join(MARK).is_file());
    let folder = built.expect("Cargo built it").join("tmp");
    fs::create_dir_all(&folder).expect("what is built can be written to");
    folder
}
