//! `make prove`: runs every proof at full length, one after another, and shows what they measured in one table.
//!
//! Exits with 1 if a proof failed or measured nothing.

use std::{
    process::{Command, ExitCode},
    thread::available_parallelism,
};

use chat_testkit::proof::{Table, VARIABLE, forget};

/// The profile says which tests are proofs.
const RUN: [&str; 10] = [
    "nextest",
    "run",
    "--release",
    "--profile=prove",
    "-p=chat-infra",
    "-p=chat-server",
    "--test=proof_*",
    "--no-capture",
    "--cargo-quiet",
    "--no-fail-fast",
];

fn main() -> ExitCode {
    forget();
    let status = Command::new("cargo")
        .args(RUN)
        .env(VARIABLE, "full")
        .status();
    let passed = status.is_ok_and(|status| status.success());

    let table = Table::read();
    let cores = available_parallelism().map_or(0, usize::from);
    println!("\non {cores} cores:\n\n{table}");
    if passed && table.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
