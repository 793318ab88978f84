//! The outside world: the ports of `chat-domain`, on real stores.
//!
//! [`sqlite`] keeps users, groups, members and messages in one file. What the databases share stands beside
//! it: [`schema`] says whether a database is the one that this program knows, `batch` decides what becomes
//! of many drafts at once.

mod batch;
pub mod schema;
pub mod sqlite;
