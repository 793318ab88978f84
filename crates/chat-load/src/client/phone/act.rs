//! What a phone does of its own accord: its plan, and whatever is due.

use std::{fmt::Write as _, sync::atomic::Ordering::Relaxed, time::Duration};

use super::{Asked, LET_IN_WITHIN, Link, Phone};
use crate::{
    cast::write_key,
    client::{frame::Outgoing, outbox::Letter, seat::Todo, shared::Phase},
    plan::{Action, Manner},
    record::{End, Event, Key, Room, micros},
};

/// The largest page of history.
const PAGE: u32 = 100;

impl Phone {
    /// Does everything that is due.
    pub fn act(&mut self, now: Duration, out: &mut Outgoing) {
        if let Link::Opening { since, failures } = self.link
            && since + LET_IN_WITHIN <= now
        {
            self.end(Manner::HangUp, End::Refused, failures + 1, now);
        }
        if let Phase::Play { start } = self.phase {
            while let Some(step) = self.plan.next_if(|step| start + step.at <= now) {
                self.follow(step.action, start + step.at, now, out);
            }
        }
        if self.link == Link::Up {
            self.ask_for_rooms(now, out);
            self.send_letters(now, out);
            self.ask_who_is_there(now, out);
        }
    }

    /// The connection is to end, and to begin again when a client would try.
    pub(super) fn end(&mut self, manner: Manner, by: End, failures: u32, now: Duration) {
        if let Link::Down { again_at, failures } = self.down_for_a_while(failures, now) {
            self.link = Link::Ending {
                manner,
                by,
                again_at,
                failures,
            };
        }
    }

    fn follow(&mut self, action: Action, intended: Duration, now: Duration, out: &mut Outgoing) {
        match action {
            Action::Join(room) => {
                let seat = self.seat(room);
                if !seat.wanted {
                    seat.wanted = true;
                    seat.todo = Some((intended, Todo::Join));
                }
            }
            Action::Leave(room) => self.leave(room, now, out),
            Action::Send {
                room,
                bytes,
                copies,
            } => {
                self.shared.tally.planned.fetch_add(1, Relaxed);
                let letter = Letter::new(room, intended, bytes, copies);
                self.outbox.add(self.shared.next_key(), letter);
            }
            Action::SendAgain => {
                let last = self.last_acked;
                if let Some((room, key, bytes)) = last
                    && self.seat(room).is_inside()
                    && self.messages.take(now).is_ok()
                {
                    self.send(room, key, bytes, micros(intended), now, out);
                }
            }
            Action::TypingStart(room) => self.type_in("typing_start", room, intended, now, out),
            Action::TypingStop(room) => self.type_in("typing_stop", room, intended, now, out),
            Action::Drop { manner, away } => match &mut self.link {
                Link::Down { again_at, .. } => *again_at = (*again_at).max(now + away),
                Link::Opening { .. } | Link::Up | Link::Ending { .. } => {
                    self.link = Link::Ending {
                        manner,
                        by: End::Client,
                        again_at: now + away,
                        failures: 0,
                    };
                }
            },
            Action::StopReading => {
                if self.link == Link::Up {
                    self.reading = false;
                    self.diary.note(now, Event::StoppedReading);
                }
            }
            Action::ReadAgain => self.reading = true,
        }
    }

    fn ask_for_rooms(&mut self, now: Duration, out: &mut Outgoing) {
        for at in 0..self.seats.len() {
            let seat = &mut self.seats[at];
            let Some((_, todo)) = seat.todo.take_if(|(due, _)| *due <= now) else {
                continue;
            };
            let (room, after) = (seat.room, seat.after());
            match todo {
                Todo::Join => {
                    let attempt = seat.ask();
                    self.begin("join_group", Asked::Join(room, attempt));
                    self.argue_room(room);
                    if let Some(after) = after {
                        let _ = write!(self.text, ",\"afterSeq\":{after},\"limit\":{PAGE}");
                    }
                    self.diary.note(now, Event::Joining { room });
                }
                Todo::Page(after) => {
                    self.begin("get_group_messages", Asked::Page(room, after));
                    self.argue_room(room);
                    let _ = write!(self.text, ",\"afterSeq\":{after},\"limit\":{PAGE}");
                }
            }
            self.finish(out);
        }
    }

    fn leave(&mut self, room: Room, now: Duration, out: &mut Outgoing) {
        let seat = self.seat(room);
        seat.wanted = false;
        seat.ask();
        if seat.leave() {
            self.shared.depart(room, self.diary.user);
            self.typists.retain(|(typed_in, _)| *typed_in != room);
        }
        if self.link == Link::Up {
            self.diary.note(now, Event::Left { room });
            self.begin("leave_group", Asked::Leave);
            self.argue_room(room);
            self.finish(out);
        }
    }

    fn send_letters(&mut self, now: Duration, out: &mut Outgoing) {
        loop {
            let seats = &self.seats;
            let open = |room| {
                seats
                    .iter()
                    .any(|seat| seat.room == room && seat.is_inside())
            };
            let Some((key, letter)) = self.outbox.take_due(now, open) else {
                return;
            };
            for _ in 0..letter.copies {
                if let Err(until) = self.messages.take(now) {
                    self.outbox.postpone(key, until);
                    break;
                }
                let intended = micros(letter.intended);
                self.send(letter.room, key, letter.bytes, intended, now, out);
            }
        }
    }

    fn send(
        &mut self,
        room: Room,
        key: Key,
        bytes: usize,
        intended: u64,
        now: Duration,
        out: &mut Outgoing,
    ) {
        self.begin("send_message", Asked::Message(room, key));
        self.argue_room(room);
        self.text.push_str(",\"clientMessageId\":\"");
        write_key(
            &mut self.text,
            key,
            self.shared.cast.user_id(self.diary.user),
        );
        self.text.push_str("\",\"content\":\"");
        let longest = match self.message_chars {
            0 => bytes,
            chars => bytes.min(chars),
        };
        let content_from = self.text.len();
        let _ = write!(self.text, "Message {}", key.0);
        while self.text.len() - content_from < longest {
            let left = longest - (self.text.len() - content_from);
            self.text.push_str(&FILLER[..left.min(FILLER.len())]);
        }
        self.text.push('"');
        self.finish(out);
        let sent = Event::Sent {
            room,
            key,
            intended,
        };
        self.diary.note(now, sent);
    }

    fn type_in(
        &mut self,
        event: &str,
        room: Room,
        intended: Duration,
        now: Duration,
        out: &mut Outgoing,
    ) {
        if self.link != Link::Up || !self.seat(room).is_inside() || self.typing.take(now).is_err() {
            return;
        }
        self.text.clear();
        let _ = write!(self.text, "42[\"{event}\",{{");
        self.argue_room(room);
        self.finish(out);
        let intended = micros(intended);
        let typed = if event == "typing_start" {
            Event::Keystroke { room, intended }
        } else {
            Event::Paused { room, intended }
        };
        self.diary.note(now, typed);
    }

    fn ask_who_is_there(&mut self, now: Duration, out: &mut Outgoing) {
        let Some((room, cursor)) = self.questions.take_due(now) else {
            return;
        };
        let cursor = cursor.map(str::to_owned);
        self.begin("get_room_info", Asked::Census);
        self.argue_room(room);
        if let Some(cursor) = cursor {
            let _ = write!(self.text, ",\"cursor\":\"{cursor}\"");
        }
        self.finish(out);
    }

    fn begin(&mut self, event: &str, asked: Asked) {
        let ack = self.next_ack;
        self.next_ack = self.next_ack.wrapping_add(1);
        self.asked.insert(ack, asked);
        self.text.clear();
        let _ = write!(self.text, "42{ack}[\"{event}\",{{");
    }

    fn argue_room(&mut self, room: Room) {
        let id = self.shared.cast.room_id(room);
        let _ = write!(self.text, "\"groupId\":\"{id}\"");
    }

    fn finish(&mut self, out: &mut Outgoing) {
        self.text.push_str("}]");
        out.text(&self.text);
    }
}

/// What messages are made of. It does not end in white space, which the server would cut off.
const FILLER: &str = " . The quick brown fox jumps over the lazy dog, and the dog does not mind at all: \
    it has seen foxes before, quicker ones too, and it is warm here in the sun.";
