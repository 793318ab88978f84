//! Many drafts at once, and what became of them.

use std::{error::Error, ops::RangeInclusive};

use chat_domain::{
    id::Seq,
    message::{Draft, Message},
    ports::{Appended, MessageLog, PortError, PortResult},
};
use chat_infra::overload::Overloaded;
use tokio::task::JoinSet;

use super::group_id;

/// All at once: none waits for another.
pub fn append_all(
    database: &(impl MessageLog + Clone + 'static),
    drafts: impl Iterator<Item = Draft>,
) -> JoinSet<PortResult<Appended>> {
    let mut appending = JoinSet::new();
    for draft in drafts {
        let database = database.clone();
        appending.spawn(async move { database.append(draft).await });
    }
    appending
}

/// In the order of numbers.
pub fn seqs(outcomes: Vec<PortResult<Appended>>) -> Vec<u64> {
    let stored = |outcome| match outcome {
        Ok(Appended::Stored(message)) => message.seq.get(),
        other => panic!("not stored: {other:?}"),
    };
    let mut seqs: Vec<u64> = outcomes.into_iter().map(stored).collect();
    seqs.sort_unstable();
    seqs
}

pub fn numbers(range: RangeInclusive<u64>) -> Vec<u64> {
    range.collect()
}

/// Of the group `ops`.
pub async fn history(database: &impl MessageLog) -> Vec<Message> {
    let slice = database.after(&group_id("ops"), Seq::ZERO, 10_000).await;
    slice.expect("it can be read").messages
}

pub fn is_overloaded(error: &PortError) -> bool {
    let cause = error.source().and_then(<dyn Error>::downcast_ref);
    cause == Some(&Overloaded)
}
