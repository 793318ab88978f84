//! The web client is part of the program if it was built before: a new file in its folder is a change of the program.

use std::path::Path;

fn main() {
    // What does not exist would count as changed each time.
    let built = Path::new("../../web/dist");
    let watched = if built.exists() {
        built
    } else {
        Path::new("../../web")
    };
    println!("cargo:rerun-if-changed={}", watched.display());
}
