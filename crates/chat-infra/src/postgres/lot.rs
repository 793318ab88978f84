//! What was taken of one group at once, and whom it answers.

use std::{collections::HashMap, error::Error, sync::Arc};

use chat_domain::{
    id::GroupId,
    message::Draft,
    ports::{Appended, PortError, PortResult},
};
use tokio::sync::oneshot;

use crate::batch::Key;

use super::{append::Appender, outage::Trouble, store::Part};

/// A draft, and who wants to know what became of it.
pub(super) struct Waiting {
    pub(super) draft: Draft,
    pub(super) answer: oneshot::Sender<PortResult<Appended>>,
}

/// Drafts of one group. Until this is dropped they are under way, and no others of the group are.
pub(super) struct Lot {
    appender: Arc<Appender>,
    group: GroupId,
    waiting: Vec<Waiting>,
    /// Each is the same message as one of those that wait, by its place.
    twins: Vec<(usize, Waiting)>,
}

impl Lot {
    /// Without those whose senders went away: nobody would know that they were stored.
    pub(super) fn new(appender: Arc<Appender>, group: GroupId, taken: Vec<Waiting>) -> Self {
        let (mut waiting, mut twins) = (Vec::with_capacity(taken.len()), Vec::new());
        let mut firsts = HashMap::new();
        for one in taken.into_iter().filter(|it| !it.answer.is_closed()) {
            let first = match Key::of_draft(&one.draft) {
                Some(key) => *firsts.entry(key).or_insert(waiting.len()),
                None => waiting.len(),
            };
            if first < waiting.len() {
                twins.push((first, one));
            } else {
                waiting.push(one);
            }
        }
        Self {
            appender,
            group,
            waiting,
            twins,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn part(&self) -> Part<'_> {
        Part {
            group: &self.group,
            drafts: self.waiting.iter().map(|it| &it.draft).collect(),
        }
    }

    pub(super) fn part_of_one(&self, place: usize) -> Part<'_> {
        Part {
            group: &self.group,
            drafts: vec![&self.waiting[place].draft],
        }
    }

    pub(super) fn answer(self, outcomes: Vec<Appended>) {
        self.answer_each(outcomes.into_iter().map(Ok).collect());
    }

    /// One outcome for each of those that wait.
    pub(super) fn answer_each(mut self, outcomes: Vec<Result<Appended, Trouble>>) {
        for (first, twin) in self.twins.drain(..) {
            let again = match &outcomes[first] {
                Ok(Appended::Stored(message) | Appended::Duplicate(message)) => {
                    Ok(Appended::Duplicate(message.clone()))
                }
                Ok(Appended::NoSuchGroup) => Ok(Appended::NoSuchGroup),
                // It may answer another message, and then it is the first that is stored.
                Ok(Appended::NoSuchReply) => {
                    // Dropped, it is answered as one that may be tried again.
                    let _ = self.appender.take_in(twin);
                    continue;
                }
                Err(trouble) => Err(failed(trouble.clone())),
            };
            let _ = twin.answer.send(again);
        }
        for (waiting, outcome) in self.waiting.drain(..).zip(outcomes) {
            // Who asked may have gone away meanwhile.
            let _ = waiting.answer.send(outcome.map_err(failed));
        }
    }

    pub(super) fn refuse(self, trouble: &Trouble) {
        let outcomes = self.waiting.iter().map(|_| Err(trouble.clone()));
        let outcomes = outcomes.collect();
        self.answer_each(outcomes);
    }
}

impl Drop for Lot {
    fn drop(&mut self) {
        self.appender.done(&self.group);
    }
}

pub(super) fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> PortError {
    PortError::during("append a message")(source)
}
