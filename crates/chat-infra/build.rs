//! A new migration is a change of the program, though no Rust file names it.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
