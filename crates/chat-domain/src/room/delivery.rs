//! What is said in the room, told in its order.

use std::sync::Arc;

use crate::{
    delivery::{Cause, Durable, Source},
    id::Seq,
    message::Message,
    news::News,
    time::Timestamp,
};

use super::{Room, seats::Seats};

impl Durable for Arc<Message> {
    fn place(&self) -> Seq {
        self.updated_seq
    }
}

impl Room {
    /// The database says that the group's newest `seq` is `head`.
    pub fn notice_head(&mut self, head: Seq, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let seats = &mut self.seats;
        self.delivery.notice_head(head, now, |message| {
            hand_out(seats, message, Source::Hint, tell);
        });
    }

    /// A message was committed. It ends its author's typing; returns whether there was any.
    pub fn committed(
        &mut self,
        message: Arc<Message>,
        now: Timestamp,
        tell: &mut dyn FnMut(News),
    ) -> bool {
        let typed = message
            .author
            .user_id()
            .is_some_and(|author| self.typing_stopped(author, tell));
        let seats = &mut self.seats;
        self.delivery.offer(message, now, |message| {
            hand_out(seats, message, Source::Hint, tell);
        });
        typed
    }

    /// The `seq` after which the database has to be read now, if something is missing.
    pub fn repair_due(&mut self, now: Timestamp) -> Option<Seq> {
        self.delivery.repair_due(now)
    }

    /// What the repair that is due, or was last, goes back to.
    #[must_use]
    pub fn repair_cause(&self) -> Cause {
        self.delivery.cause()
    }

    /// The database was read from there on through `through`.
    pub fn repaired(
        &mut self,
        messages: Vec<Arc<Message>>,
        through: Seq,
        now: Timestamp,
        tell: &mut dyn FnMut(News),
    ) {
        // Whoever said something has stopped typing, however that became known.
        for author in messages
            .iter()
            .filter_map(|message| message.author.user_id())
        {
            self.typing_stopped(author, tell);
        }
        let seats = &mut self.seats;
        self.delivery.repaired(messages, through, now, |message| {
            // What comes after that was held, and is next now.
            let source = if message.place() <= through {
                Source::Database
            } else {
                Source::Hint
            };
            hand_out(seats, message, source, tell);
        });
    }

    /// Up to where the room's sockets were told; 0 until the head is known.
    #[must_use]
    pub fn delivered(&self) -> Seq {
        self.delivery.delivered().unwrap_or_default()
    }
}

fn hand_out(seats: &mut Seats, message: Arc<Message>, source: Source, tell: &mut dyn FnMut(News)) {
    seats.keep(&message);
    tell(News::Message(message, source));
}
