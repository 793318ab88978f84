//! The wire contract as types: what clients send, what they are sent, and the coded errors.
//!
//! [`field`] turns single JSON values into domain types; [`incoming`] has the arguments of events and
//! the bodies of requests; [`outgoing`] has the payloads of events, [`record`] the records in them and in
//! responses, [`admin`] those of administrators; [`peers`] has what nodes ask each other; [`refusal`] has the error codes and says which error of a use case becomes which,
//! [`answer`] has what events are acknowledged with. [`shape`] and [`schemas`] say what values look like in the documents.

pub mod admin;
pub mod answer;
pub mod cursor;
pub mod field;
pub mod incoming;
pub mod outgoing;
pub mod peers;
pub mod record;
pub mod refusal;
pub mod schemas;
pub mod shape;
pub mod time;
