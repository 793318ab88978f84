//! The outside world: the ports of `chat-domain`, on real stores.
//!
//! [`sqlite`] keeps users, groups, members and messages in one file, [`postgres`] on a server. [`redis`] is what the
//! nodes of a fleet share. What the databases share stands beside them: [`schema`] says whether a database is the one that this program
//! knows, [`overload`] what is said when more comes than can be stored, `batch` decides in this process
//! what becomes of many drafts at once, `lanes` has them wait in order, [`breaker`] spares callers the
//! wait for a store that is away, and [`metrics`] shows operators how all of them do.

mod batch;
pub mod breaker;
mod lanes;
pub mod metrics;
pub mod overload;
pub mod postgres;
pub mod redis;
pub mod schema;
pub mod sqlite;
