//! What administrators see of a server and of a fleet, and what they do there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod alone;
mod fleet;
