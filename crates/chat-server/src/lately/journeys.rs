//! The way of the last messages.

use std::collections::{HashMap, VecDeque};

use chat_domain::{
    delivery::Source,
    id::{GroupId, MessageId, Seq},
    message::Message,
    time::Timestamp,
};

use crate::wire::peers::JourneyHere;

/// So many are kept.
pub const MOST: usize = 10_000;

/// The last messages that came by.
#[derive(Debug, Default)]
pub(super) struct Journeys {
    known: HashMap<MessageId, Journey>,
    /// The oldest first.
    order: VecDeque<MessageId>,
}

/// The way of one message at this node, as far as it has come.
#[derive(Debug, Clone)]
pub(super) struct Journey {
    group: GroupId,
    seq: Seq,
    pub(super) committed_at: Option<Timestamp>,
    pub(super) published_at: Option<Timestamp>,
    pub(super) delivered: Option<Delivered>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Delivered {
    pub(super) at: Timestamp,
    pub(super) sockets: usize,
    pub(super) source: Source,
}

impl Journeys {
    /// The journey of that message, which begins with this if it is new.
    pub(super) fn of(&mut self, message: &Message) -> &mut Journey {
        if !self.known.contains_key(&message.id) {
            if self.order.len() >= MOST
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
            self.order.push_back(message.id);
        }
        self.known.entry(message.id).or_insert_with(|| Journey {
            group: message.group.clone(),
            seq: message.seq,
            committed_at: None,
            published_at: None,
            delivered: None,
        })
    }

    pub(super) fn find(&mut self, message: MessageId) -> Option<&mut Journey> {
        self.known.get_mut(&message)
    }
}

impl Journey {
    /// As other nodes are told.
    pub(super) fn tell(&self) -> JourneyHere {
        JourneyHere {
            group: self.group.to_string(),
            seq: self.seq.get(),
            committed_at_ms: self.committed_at.map(Timestamp::as_millis),
            published_at_ms: self.published_at.map(Timestamp::as_millis),
            delivered_at_ms: self.delivered.map(|it| it.at.as_millis()),
            sockets: self.delivered.map_or(0, |it| it.sockets),
            is_repaired: self
                .delivered
                .is_some_and(|it| it.source == Source::Database),
        }
    }
}

#[cfg(test)]
mod tests {
    use chat_domain::message::{Author, MessageBody, MessageKind};

    use super::*;

    fn message(number: usize) -> Message {
        Message {
            id: MessageId::from_bytes((number as u128).to_be_bytes()),
            group: GroupId::parse("tea").unwrap(),
            seq: Seq::new(number as u64),
            updated_seq: Seq::new(number as u64),
            author: Author::System,
            body: MessageBody::parse("x", 10).unwrap(),
            kind: MessageKind::Text,
            reply_to: None,
            client_id: None,
            created_at: Timestamp::default(),
            edited_at: None,
            deleted_at: None,
        }
    }

    #[test]
    fn the_last_ones_are_kept_each_once() {
        let mut journeys = Journeys::default();
        for number in 0..=MOST {
            journeys.of(&message(number)).committed_at = Some(Timestamp::from_millis(1));
            journeys.of(&message(number)).published_at = Some(Timestamp::from_millis(2));
        }

        assert!(journeys.find(message(0).id).is_none());
        let last = journeys.find(message(MOST).id).unwrap().tell();
        assert_eq!(
            (last.committed_at_ms, last.published_at_ms),
            (Some(1), Some(2))
        );
        assert!(journeys.find(message(1).id).is_some());
        assert_eq!((journeys.known.len(), journeys.order.len()), (MOST, MOST));
    }
}
