//! Every name in Redis: keys and channels. Nothing else knows how they are written.
//!
//! The ids of users and groups have no colon, so no two names are the same.
