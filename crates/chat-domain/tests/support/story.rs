//! What one client believes of one room, from nothing but what it heard.
//!
//! It is told in order; whatever contradicts what it heard before is a broken promise.

use std::collections::BTreeSet;

use chat_domain::{
    id::UserId,
    news::{News, RoomMembers},
    usecase::join::Joined,
};

use super::heard::Heard;

/// One client's stay in one room, and before and after it.
#[derive(Debug, Default)]
pub struct Story {
    /// Who else is there; known once somebody looked.
    pub there: Option<BTreeSet<UserId>>,
    /// Who is shown as typing.
    pub typing: BTreeSet<UserId>,
    /// The newest durable event that was told.
    pub told: u64,
    /// The last list of who is there.
    pub listed: Option<RoomMembers>,
    /// Whether anything about the room may be told.
    pub is_in: bool,
}

impl Story {
    /// Hears the next thing. `me` is whose client it is.
    pub fn hear(&mut self, me: &UserId, heard: Heard) {
        match heard {
            Heard::Welcome(joined) => self.welcome(&joined),
            Heard::News(News::RemovedFromGroup { user, .. }) => {
                assert_eq!(&user, me);
                self.is_in = false;
            }
            Heard::News(News::AddedToGroup(_) | News::Unread { .. } | News::Service(_)) => {}
            Heard::News(news) => {
                assert!(self.is_in, "told from outside the room: {news:?}");
                self.hear_room(me, news);
            }
        }
    }

    /// The client has left.
    pub fn leave(&mut self) {
        self.is_in = false;
    }

    fn welcome(&mut self, joined: &Joined) {
        let last = joined.last_seq.get();
        let typing = joined.typing.iter().map(|(user, _)| user.clone()).collect();
        if self.is_in {
            assert_eq!(self.told, last, "who joins again has missed nothing");
            assert_eq!(self.typing, typing);
        } else {
            self.there = None;
            self.listed = None;
        }
        if let Some(history) = &joined.history {
            let seqs = history.messages.iter().map(|message| message.seq.get());
            let seqs: Vec<u64> = seqs.collect();
            let lacked = u64::try_from(seqs.len()).expect("it is short");
            let run: Vec<u64> = (last + 1 - lacked..=last).collect();
            assert_eq!(seqs, run, "the page ends where live events begin");
        }
        (self.told, self.typing, self.is_in) = (last, typing, true);
    }

    fn hear_room(&mut self, me: &UserId, news: News) {
        match news {
            News::Message(message, _) => {
                self.told += 1;
                assert_eq!(message.seq.get(), self.told, "no gap, none twice, in order");
            }
            News::UserJoined { user, .. } => {
                assert_ne!(&user, me);
                let there = self.there.as_mut().expect("somebody has looked");
                assert!(there.insert(user), "joined twice");
            }
            News::UserLeft { user, .. } => {
                assert_ne!(&user, me);
                let there = self.there.as_mut().expect("somebody has looked");
                assert!(there.remove(&user), "left without having been there");
            }
            News::TypingStarted { user, .. } => {
                assert_ne!(&user, me);
                self.typing.insert(user);
            }
            News::TypingStopped { user, .. } => {
                assert!(self.typing.remove(&user), "stopped without typing");
            }
            News::MembersUpdate(members) => self.listed = Some(members),
            other => panic!("nobody did that: {other:?}"),
        }
    }
}
