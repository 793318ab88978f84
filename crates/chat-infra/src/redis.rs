//! What the nodes of a fleet share, on Redis.
//!
//! Read in this order: [`address`] (where it is), [`connection`] (asking it, while it is there) with `patience`
//! (when to give up), `link` (one life of one TCP connection) and [`server`] (whether it is fit); [`subscriber`]
//! (hearing what is published) with `wishes` (what is to be heard) and `subscription` (one life of it); [`bus`] with
//! `outbox` (what waits to be published) and `codec` (how it travels); [`presence`],
//! [`ledger`], [`typing`] and [`limiter`], which run programs inside Redis (`script`, `lua/`); [`census`], which counts
//! keys for operators; [`peers`], through which nodes ask each other; [`fleet`], which puts the ports of a node together; and `keys`, which has every name in it.
//!
//! Invariants: nobody waits for a Redis that is away; every call ends within [`connection::ANSWER_WITHIN`]. What
//! was asked on one life of a connection is never asked again on the next: a caller who was told that it failed
//! may try again, and nothing else does.

pub mod address;
pub mod bus;
pub mod census;
mod codec;
pub mod connection;
pub mod fleet;
mod keys;
pub mod leases;
pub mod ledger;
pub mod limiter;
mod link;
mod outbox;
mod patience;
pub mod peers;
pub mod presence;
pub mod script;
pub mod server;
pub mod subscriber;
mod subscription;
mod task;
pub mod typing;
mod wishes;
