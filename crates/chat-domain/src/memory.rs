//! Every port inside one process: the embedded default of the server where it needs no database, and the
//! reference that the other implementations are held against.
//!
//! Nothing here waits. What is told while a lock is held is told in the order in which it happened.

mod bus;
mod clock;
mod database;
mod ledger;
mod limiter;
mod presence;

pub use self::{
    bus::{MemoryBus, MemoryHub},
    clock::ManualClock,
    database::MemoryDatabase,
    ledger::MemoryLedger,
    limiter::MemoryLimiter,
    presence::MemoryPresence,
};
