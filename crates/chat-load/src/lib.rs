//! Loads a chat server with clients that behave like phones, and judges what they lived through.
//!
//! Read in this order: [`record`] is what happened, [`verdict`] what was wrong with it, [`client`] who it
//! happens to, [`scenario`] what they are up to, [`conductor`] how a run goes, [`report`] how fast it was.
//!
//! Invariant: the judge sees the record and the history that the server tells afterwards, and nothing else. It
//! is a function of both, and knows neither the clock nor the network.

pub mod arguments;
pub mod cast;
pub mod client;
pub mod conductor;
pub mod plan;
pub mod progress;
pub mod record;
pub mod report;
pub mod scenario;
pub mod stage;
pub mod usage;
pub mod verdict;
