//! The real services and processes that the tests of several crates run on. Nothing of it is in the product.
//!
//! Read in this order: [`postgres`] is a database server, [`redis`] what nodes share, alone, under Sentinels or as
//! a cluster, [`chat_server`] the product as a process, [`haproxy`] what stands in front of several, [`relay`] a
//! network between two of them that fails when it is told to, [`load`] what they are put under, [`proof`] what is claimed of them. [`port`], [`process`] and
//! [`cache`] are what these are made of.
//!
//! Invariants: each test has services of its own, which end with it, however it ends. A program that is missing
//! fails the test with the line that installs it.

#![allow(
    clippy::missing_panics_doc,
    reason = "all of it panics when a test cannot go on"
)]

pub mod cache;
pub mod chat_server;
pub mod haproxy;
pub mod load;
pub mod port;
pub mod postgres;
pub mod process;
pub mod proof;
pub mod redis;
pub mod relay;
