//! Several nodes are one server, whatever dies: a node, Redis, what Redis knew, or the network between them.
//!
//! Each proof puts a [`fleet`] of real processes under load, breaks something, and asks three judges: that of the
//! load generator (nothing lost, doubled or out of order), [`moves`] (nobody is said to come or go who did not),
//! and [`keys`] (Redis holds what the clients hold, and nothing when they are gone).

mod away;
mod delays;
mod faults;
mod fleet;
mod flush;
mod keys;
mod kills;
mod moves;
mod outage;
mod rolling;
mod service;
mod shapes;
mod traffic;
mod typing;
