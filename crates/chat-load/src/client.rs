//! A client like a phone: it reconnects, resumes by `afterSeq`, and sends again until it is answered.
//!
//! [`phone`] decides, without a clock and without I/O; [`runner`] moves the bytes and tells it the time.
//! Below them are [`frame`] (WebSocket), [`packet`] (Engine.IO and Socket.IO) and [`payload`] (the events),
//! beside them [`seat`], [`outbox`], [`allowance`] and [`census`], a part of a phone's mind each.
//!
//! It is made by hand so that a delivery costs a generator as little as it can: one read fills one buffer, frames
//! are looked at where they lie, and of a message only five fields are read. Deliberately absent: TLS,
//! long polling, compression, and the check of `Sec-WebSocket-Accept`.

pub mod allowance;
pub mod census;
pub mod frame;
pub mod line;
pub mod outbox;
pub mod packet;
pub mod payload;
pub mod phone;
pub mod runner;
pub mod seat;
pub mod shared;
