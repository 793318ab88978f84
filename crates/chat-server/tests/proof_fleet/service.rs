//! What clients were told of how well everything works.
//!
//! A node on a machine that is too busy may take a slow Redis for one that is away: how often is judged at full length
//! alone.

use chat_load::record::{Diary, Event};

/// How often a client was told that something was amiss. In turns it has to be told that all is well again; `None`
/// otherwise.
pub fn troubles(diary: &Diary) -> Option<usize> {
    let mut is_full = true;
    let mut troubles = 0;
    for entry in &diary.entries {
        let Event::Status { full } = entry.event else {
            continue;
        };
        if full == is_full {
            return None;
        }
        is_full = full;
        troubles += usize::from(!full);
    }
    is_full.then_some(troubles)
}
