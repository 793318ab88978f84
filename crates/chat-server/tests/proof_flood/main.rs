//! Somebody sends a hundred times what one may, from one address, and the others do not notice.
//!
//! Each proof has a way to flood: with [`events`] of connections that are signed in, with [`requests`] of the HTTP API,
//! with [`handshakes`] of Engine.IO, with [`connections`] that are held, and with handshakes of [`tls`]. [`play`] lets it
//! take turns with silence, while the [`others`] chat, and compares.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connections;
mod door;
mod events;
mod handshakes;
mod others;
mod play;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod tls;
