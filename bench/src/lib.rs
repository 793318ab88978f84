//! Measures the server beside what one would run instead, and beside the limit: `make bench`.
//!
//! Read in this order: [`contender`] is who is measured, [`services`] what they share, [`row`] under which load,
//! [`measure`] how a sample is taken, [`history`] and [`bystander`] what a row cannot say. [`samples`] keeps what came
//! out, [`question`] is what it is asked, [`table`] and [`plots`] show the answers.
//!
//! Invariant: all contenders of a row get the same load from the same generator, one after another, again and again
//! (A-B-A-B), each time as a new process. What is compared was measured within minutes on one machine.

#![allow(
    clippy::missing_panics_doc,
    reason = "all of it panics when a measurement cannot go on"
)]

pub mod bystander;
pub mod contender;
pub mod history;
pub mod measure;
pub mod plots;
pub mod question;
pub mod row;
pub mod samples;
pub mod services;
pub mod table;
