//! The rules of group chat, for this server and for any other service that speaks of the same things.
//!
//! No runtime, no serialisation, no clock, no I/O: time and chance are arguments, the outside world is a
//! page of traits. Read in this order:
//!
//! 1. The nouns: [`id`], [`time`], [`user`], [`group`], [`member`], [`message`], [`revocation`], [`limit`].
//! 2. The state machines: [`presence`], [`typing`], [`delivery`], and [`room`], which puts them together.
//! 3. [`news`]: everything that others are ever told; [`service`]: how well a node reaches the others.
//! 4. [`ports`]: what the rules need from outside; [`chore`]: what is to be done later.
//! 5. [`usecase`]: what can be done. Start at [`usecase::Chat`].
//!
//! With the feature `memory`, [`memory`] has every port inside one process: the embedded default of the
//! server, and the reference. With the feature `contract`, [`contract`] has what every implementation of a
//! port must do, as tests to call.

pub mod chore;
pub mod delivery;
pub mod group;
pub mod id;
pub mod limit;
pub mod member;
pub mod message;
pub mod news;
pub mod ports;
pub mod presence;
pub mod revocation;
pub mod room;
pub mod service;
pub mod time;
pub mod typing;
pub mod usecase;
pub mod user;

#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "memory")]
pub mod memory;
