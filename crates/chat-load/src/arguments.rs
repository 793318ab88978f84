//! The command line.

use std::{net::IpAddr, path::PathBuf};

use clap::{Parser, Subcommand};

use crate::scenario::{
    fan_out::FanOut, flaky::Flaky, handshakes::Handshakes, idle::Idle, join_storm::JoinStorm,
    many_rooms::ManyRooms, reconnect_storm::ReconnectStorm, slow_readers::SlowReaders,
    typing::Typing,
};

/// Load a chat server with clients that behave like phones, and judge what came of it.
///
/// Exits with 0 if nothing was lost, doubled, out of order or otherwise wrong, with 1 if something was, and
/// with 2 if the run could not take place.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// How to reach the server, and what to write.
    #[command(flatten)]
    pub run: RunArguments,
    /// What the clients do.
    #[command(subcommand)]
    pub scenario: Scenario,
}

/// How to reach the server, and what to write.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArguments {
    /// The server; several times for the nodes of a fleet, over which the clients are spread.
    #[arg(long, global = true, default_value = "http://127.0.0.1:8001")]
    pub url: Vec<String>,
    /// The administrator's key; `CHAT_ADMIN__KEY` if absent.
    #[arg(long, global = true, value_name = "KEY")]
    pub admin_key: Option<String>,
    /// The secret that tokens are signed with (HS256); `CHAT_AUTH__SECRET` if absent.
    #[arg(long, global = true)]
    pub secret: Option<String>,
    /// Use a development server's sign-in by name instead of the key and the secret.
    #[arg(long, global = true)]
    pub dev: bool,
    /// Users and groups that are there already, called NAME-u0… and NAME-g0…: the server is asked nothing over HTTP, and
    /// nothing is judged. For servers that speak the same events and promise less.
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "dev")]
    pub given: Option<String>,
    /// What chance is made of: the same seed is the same plan.
    #[arg(long, global = true, default_value_t = 1)]
    pub seed: u64,
    /// New connections per second before the play begins.
    #[arg(long, global = true, default_value_t = 500, value_name = "N")]
    pub connects_per_second: u32,
    /// How long everybody has to connect and join before the play begins, in seconds.
    #[arg(long, global = true, default_value_t = 60, value_name = "SECONDS")]
    pub gather: u64,
    /// How long everybody has to come to rest after the play, in seconds.
    #[arg(long, global = true, default_value_t = 30, value_name = "SECONDS")]
    pub settle: u64,
    /// Rooms with more users announce no single joins and leaves (`CHAT_ROOMS__LARGE`); 0: never.
    #[arg(long, global = true, default_value_t = 500, value_name = "USERS")]
    pub large_rooms: u32,
    /// Threads to run on.
    #[arg(long, global = true, default_value_t = 1)]
    pub threads: usize,
    /// Addresses to connect from, in turn: each has ports for 28,000 connections.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub from: Vec<IpAddr>,
    /// Servers' process ids, on this machine: their CPU time and memory are reported.
    #[arg(long, global = true, value_name = "PID")]
    pub server_pid: Vec<u32>,
    /// Where to write everything that happened to every client, a line each.
    #[arg(long, global = true, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Where to write the report as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// What the clients do.
#[derive(Debug, Clone, Subcommand)]
pub enum Scenario {
    /// Rooms of one size, messages at a fixed rate.
    FanOut(FanOut),
    /// Many small rooms, several for each client.
    ManyRooms(ManyRooms),
    /// Everybody joins one room at once.
    JoinStorm(JoinStorm),
    /// Everybody loses the connection at once, and comes back with `afterSeq`.
    ReconnectStorm(ReconnectStorm),
    /// Phones that lose the connection at random, resume with `afterSeq`, and send things twice.
    Flaky(Flaky),
    /// Some clients stop reading; the others must not notice.
    SlowReaders(SlowReaders),
    /// People start and stop typing at random.
    Typing(Typing),
    /// Everybody goes and comes again at once, over and over, at a fixed rate.
    Handshakes(Handshakes),
    /// Everybody is in a room, and says nothing.
    Idle(Idle),
}
