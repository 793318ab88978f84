//! `/api/v1`, for users.

pub mod groups;
pub mod members;
pub mod messages;
pub mod users;

use crate::wire::{
    cursor::{Place, encode},
    field::Limit,
};

/// One more than is asked for: whether there is one says whether the list goes on.
fn one_more(limit: Limit) -> usize {
    limit.get() + 1
}

/// Cuts a list that was read with [`one_more`] to its page. Returns the cursor of the next one.
fn cut<T, P: Place>(items: &mut Vec<T>, limit: Limit, place: impl Fn(&T) -> P) -> Option<String> {
    let goes_on = items.len() > limit.get();
    items.truncate(limit.get());
    items
        .last()
        .filter(|_| goes_on)
        .map(|last| encode(&place(last)))
}
