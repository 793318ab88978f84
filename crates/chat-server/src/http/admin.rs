//! `/api/v1/admin`, for another backend and for operators. Everything can be done twice.

pub mod groups;
pub mod messages;
pub mod nodes;
pub mod rooms;
pub mod sessions;
pub mod stats;
pub mod users;
