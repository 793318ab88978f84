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
        match (is_full, full) {
            (true, true) => return None,
            (true, false) => troubles += 1,
            // More is lost, or less.
            (false, _) => {}
        }
        is_full = full;
    }
    is_full.then_some(troubles)
}
