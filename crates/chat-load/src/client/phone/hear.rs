//! What a phone makes of what it is told.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use serde_json::from_str;

use super::{Asked, Link, Phone};
use crate::{
    cast::read_key,
    client::{
        frame::Outgoing,
        packet::{Answer, Packet, Refusal},
        payload::{
            ConnectError, Connected, Counts, Joined, Members, Message, Page, ServiceStatus,
            Session, SessionClosed, Somebody,
        },
        seat::Todo,
        shared::Phase,
    },
    plan::{Manner, Manners},
    record::{End, Event, Key, MessageId, Room, User},
};

/// A refusal that does not say when to try again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

impl Phone {
    /// Takes in a text message.
    pub fn hear(&mut self, text: &str, now: Duration, out: &mut Outgoing) {
        match Packet::read(text) {
            Packet::Open => {
                let token = &self.shared.cast.tokens[self.diary.user.0 as usize];
                out.text(&format!("40{{\"token\":\"{token}\"}}"));
            }
            Packet::Ping => out.text("3"),
            Packet::Event(name, argument) => {
                // What does not parse is no event of the contract; what it should have told is missed.
                let _ = self.take(name, argument, now);
            }
            Packet::Ack(number, value) => {
                if let Some(asked) = self.asked.remove(&number) {
                    let answered = self.answered(asked, value, now);
                    if answered.is_none() {
                        self.shared
                            .complain(format!("an answer is not one: {value}"));
                    }
                }
            }
            Packet::Refused(why) => {
                let reason = from_str::<ConnectError<'_>>(why);
                let reason = reason.map_or(why.to_owned(), |error| error.message.into_owned());
                self.shared.complain(reason);
                let failures = match self.link {
                    Link::Opening { failures, .. } => failures,
                    _ => 0,
                };
                self.end(Manner::HangUp, End::Refused, failures + 1, now);
            }
            Packet::Disconnected => self.end(Manner::HangUp, End::Server, 0, now),
            Packet::Connected(socket) => {
                if let Ok(socket) = from_str::<Connected<'_>>(socket) {
                    socket.sid.clone_into(&mut self.socket);
                }
            }
            Packet::Unknown => {}
        }
    }

    fn take(&mut self, name: &str, argument: &str, now: Duration) -> Option<()> {
        match name {
            "message_received" => self.receive(&from_str(argument).ok()?, now)?,
            "group_messages" => self.page(&from_str(argument).ok()?, now)?,
            "joined_group_success" => self.joined(&from_str(argument).ok()?, now)?,
            "room_members_update" => {
                let counts: Counts<'_> = from_str(argument).ok()?;
                let room = self.shared.cast.room(counts.group_id)?;
                let users = counts.member_count;
                let asking = self.phase == Phase::Ask;
                let seat = self.seat(room);
                seat.counted = Some(users);
                // Meanwhile it may be the answer to this client's own question, and only the last page of it.
                if !asking {
                    seat.shown.clear();
                    seat.shown.push_str(argument);
                }
                self.diary.note(now, Event::Counted { room, users });
            }
            "user_joined_group" => {
                let (room, user) = self.somebody(argument)?;
                self.diary.note(now, Event::Entered { room, user });
            }
            "user_left_group" => {
                let (room, user) = self.somebody(argument)?;
                self.diary.note(now, Event::Gone { room, user });
            }
            "user_typing" => {
                let (room, user) = self.somebody(argument)?;
                self.typists.insert((room, user));
                self.diary.note(now, Event::Typing { room, user });
            }
            "user_stopped_typing" => {
                let (room, user) = self.somebody(argument)?;
                self.typists.remove(&(room, user));
                self.diary.note(now, Event::StoppedTyping { room, user });
            }
            "session" => self.opened(&from_str(argument).ok()?, now),
            "service_status" => {
                let status: ServiceStatus<'_> = from_str(argument).ok()?;
                let full = status.level == "full";
                self.diary.note(now, Event::Status { full });
            }
            "session_closed" => self.farewell(&from_str(argument).ok()?, now),
            "error" => {
                let refusal: Refusal<'_> = from_str(argument).ok()?;
                self.shared.tally.refused.fetch_add(1, Relaxed);
                self.shared.complain(refusal.code.into_owned());
            }
            _ => {}
        }
        Some(())
    }

    fn somebody(&self, argument: &str) -> Option<(Room, User)> {
        let somebody: Somebody<'_> = from_str(argument).ok()?;
        let cast = &self.shared.cast;
        Some((cast.room(somebody.group_id)?, cast.user(somebody.user_id)))
    }

    fn opened(&mut self, session: &Session, now: Duration) {
        self.link = Link::Up;
        let limits = session.limits;
        self.messages
            .limit(limits.message_burst, limits.messages_per_second, now);
        self.typing
            .limit(limits.typing_burst, limits.typing_per_second, now);
        self.message_chars = limits.message_chars;
        self.diary.note(now, Event::Opened);
        self.join_all(now);
    }

    fn farewell(&mut self, closed: &SessionClosed<'_>, now: Duration) {
        let slow_consumer = closed.code == "SLOW_CONSUMER";
        self.diary.note(now, Event::Farewell { slow_consumer });
        if self.manners == Manners::Stock {
            // It goes on until the server ends the connection.
            return;
        }
        let wait = Duration::from_millis(closed.reconnect_in_ms.unwrap_or(0).min(10_000));
        let wait = wait.max(self.away_when_lost);
        self.end(Manner::HangUp, End::Server, 0, now);
        if let Link::Ending { again_at, .. } = &mut self.link {
            *again_at = (*again_at).max(now + wait);
        }
    }

    fn joined(&mut self, joined: &Joined<'_>, now: Duration) -> Option<()> {
        let room = self.shared.cast.room(joined.group_id)?;
        let typists: Vec<User> = (joined.typing.iter())
            .map(|typist| self.shared.cast.user(typist.user_id))
            .collect();
        let seat = self.seat(room);
        if !seat.may_enter() {
            return Some(());
        }
        if joined.reset {
            seat.forget();
        }
        let event = Event::Joined {
            room,
            after: seat.enter(joined.last_seq),
            last: joined.last_seq,
            epoch: (MessageId::fold(&joined.epoch).0 >> 32) as u32,
            reset: joined.reset,
        };
        self.shared.arrive(room, self.diary.user, &self.socket);
        self.shared.advance(room, joined.last_seq);
        self.diary.note(now, event);
        for user in typists {
            self.typists.insert((room, user));
            self.diary.note(now, Event::Typing { room, user });
        }
        self.outbox.start_over(room, now);
        Some(())
    }

    fn receive(&mut self, message: &Message<'_>, now: Duration) -> Option<()> {
        let (room, key, id) = self.identify(message)?;
        let seq = message.seq;
        self.seat(room).hear(seq);
        self.shared.advance(room, seq);
        self.shared.tally.delivered.fetch_add(1, Relaxed);
        let event = Event::Received { room, seq, key, id };
        self.diary.note(now, event);
        Some(())
    }

    fn page(&mut self, page: &Page<'_>, now: Duration) -> Option<()> {
        let room = self.shared.cast.room(page.group_id)?;
        if !self.seat(room).is_inside() {
            return Some(());
        }
        for message in &page.messages {
            let (_, key, id) = self.identify(message)?;
            let seq = message.seq;
            self.seat(room).read(seq);
            self.diary.note(now, Event::Paged { room, seq, key, id });
        }
        let more = page.has_next_page;
        self.diary.note(now, Event::PageEnd { room, more });
        let seat = self.seat(room);
        seat.todo = (seat.turn(more)).map(|after| (now, Todo::Page(after)));
        Some(())
    }

    fn identify(&self, message: &Message<'_>) -> Option<(Room, Key, MessageId)> {
        let room = self.shared.cast.room(message.group_id)?;
        let key = read_key(message.client_message_id, message.sender_id);
        Some((room, key, MessageId::fold(message.id)))
    }

    fn answered(&mut self, asked: Asked, value: &str, now: Duration) -> Option<()> {
        let answer: Answer<'_> = from_str(value).ok()?;
        if let Some(refusal) = answer.error {
            self.shared.tally.refused.fetch_add(1, Relaxed);
            self.refused(asked, &refusal, now);
            self.shared.complain(refusal.code.into_owned());
            return Some(());
        }
        match asked {
            Asked::Message(room, key) => {
                let message: Message<'_> = from_str(answer.data?.get()).ok()?;
                let event = Event::Acked {
                    room,
                    key,
                    seq: message.seq,
                    id: MessageId::fold(message.id),
                    fresh: !answer.duplicate,
                };
                self.diary.note(now, event);
                self.shared.advance(room, message.seq);
                if let Some(letter) = self.outbox.answered(key) {
                    self.shared.tally.acked.fetch_add(1, Relaxed);
                    self.last_acked = Some((room, key, letter.bytes));
                }
            }
            Asked::Census => {
                let members: Members<'_> = from_str(answer.data?.get()).ok()?;
                let room = self.shared.cast.room(members.group_id)?;
                let expected = self.shared.present(room);
                let cast = &self.shared.cast;
                self.questions.answered(&members, expected, cast, now);
            }
            Asked::Join(room, attempt) => self.seat(room).admit(attempt),
            // The events say it.
            Asked::Leave | Asked::Page(..) => {}
        }
        Some(())
    }

    fn refused(&mut self, asked: Asked, refusal: &Refusal<'_>, now: Duration) {
        let wait = refusal.retry_after_ms.map(Duration::from_millis);
        let again = now + wait.unwrap_or(AGAIN_AFTER);
        match asked {
            Asked::Join(room, _) => {
                let seat = self.seat(room);
                if seat.wanted && !seat.is_inside() {
                    seat.todo = Some((again, Todo::Join));
                }
            }
            Asked::Page(room, after) => {
                let seat = self.seat(room);
                if seat.is_inside() {
                    seat.todo = Some((again, Todo::Page(after)));
                }
            }
            Asked::Message(room, key) if refusal.passes() => {
                self.diary.note(now, Event::Refused { room, key });
                self.outbox.postpone(key, again);
            }
            Asked::Message(room, key) => {
                self.diary.note(now, Event::GaveUp { room, key });
                self.outbox.answered(key);
            }
            Asked::Leave => {}
            Asked::Census => self.questions.start_over(now),
        }
    }
}
