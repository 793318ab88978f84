//! Who is shown as typing in one room on one node: a pure state machine.
//!
//! Each node announces to its own sockets and forgets by its own clock, so that a dead node or a
//! lost hint can never leave an indicator behind.
//!
//! Invariants: starts and stops of one user alternate, but for renewals; nobody is shown for longer
//! than [`TTL`] after the last start.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    id::{SocketId, UserId},
    time::Timestamp,
    user::UserName,
};

/// How long an indicator lives after the last start (contract, section 1, Typing).
pub const TTL: Duration = Duration::from_secs(10);

/// How often a renewal is announced at most (contract, section 1, Typing).
pub const RENEW: Duration = Duration::from_secs(3);

/// Somebody who types, as a store tells those who come later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typist {
    /// Who types.
    pub user: UserId,
    /// What others read.
    pub name: UserName,
    /// For how long it is still to be shown.
    pub remaining: Duration,
}

#[derive(Debug)]
struct Episode {
    name: UserName,
    /// The socket here that started it last; `None` if it was one of another node.
    by: Option<SocketId>,
    announced_at: Timestamp,
    ends_at: Timestamp,
}

/// The typists of one room.
#[derive(Debug, Default)]
pub struct TypingView {
    episodes: BTreeMap<UserId, Episode>,
}

impl TypingView {
    /// Somebody types. Returns whether that is to be announced: it is when it is new, and at most
    /// every [`RENEW`] while it goes on.
    pub fn start(
        &mut self,
        user: &UserId,
        name: &UserName,
        by: Option<SocketId>,
        now: Timestamp,
    ) -> bool {
        let ends_at = now + TTL;
        let Some(episode) = self.episodes.get_mut(user) else {
            let (name, announced_at) = (name.clone(), now);
            let episode = Episode {
                name,
                by,
                announced_at,
                ends_at,
            };
            self.episodes.insert(user.clone(), episode);
            return true;
        };
        episode.by = by;
        episode.ends_at = ends_at;
        let announce = now.since(episode.announced_at) >= RENEW;
        if announce {
            episode.announced_at = now;
        }
        announce
    }

    /// Somebody has been typing for a while. Returns whether that was not known, so that it is to be
    /// announced.
    pub fn learn(&mut self, typist: Typist, now: Timestamp) -> bool {
        if self.shows(&typist.user) {
            return false;
        }
        let episode = Episode {
            name: typist.name,
            by: None,
            announced_at: now,
            ends_at: now + typist.remaining.min(TTL),
        };
        self.episodes.insert(typist.user, episode);
        true
    }

    /// Somebody stopped. Returns whether somebody was shown, so that it is to be announced.
    pub fn stop(&mut self, user: &UserId) -> bool {
        self.episodes.remove(user).is_some()
    }

    /// A socket is gone. Returns whether that ended its user's episode.
    pub fn socket_left(&mut self, user: &UserId, socket: &SocketId) -> bool {
        let started_it = self
            .episodes
            .get(user)
            .is_some_and(|episode| episode.by.as_ref() == Some(socket));
        started_it && self.stop(user)
    }

    /// Ends what has lived its time. Returns who is no longer shown.
    pub fn expire(&mut self, now: Timestamp) -> Vec<UserId> {
        self.episodes
            .extract_if(.., |_, episode| episode.ends_at <= now)
            .map(|(user, _)| user)
            .collect()
    }

    /// Ends everything. Returns who is no longer shown.
    pub fn clear(&mut self) -> Vec<UserId> {
        std::mem::take(&mut self.episodes).into_keys().collect()
    }

    /// When [`TypingView::expire`] has something to do.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.episodes.values().map(|episode| episode.ends_at).min()
    }

    /// Whether somebody is shown as typing.
    #[must_use]
    pub fn shows(&self, user: &UserId) -> bool {
        self.episodes.contains_key(user)
    }

    /// Everybody who is shown, in the order of their ids.
    pub fn shown(&self) -> impl Iterator<Item = (&UserId, &UserName)> {
        self.episodes
            .iter()
            .map(|(user, episode)| (user, &episode.name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn user(n: usize) -> (UserId, UserName) {
        let id = UserId::parse(&format!("u{n}")).unwrap();
        let name = UserName::of_id(&id);
        (id, name)
    }

    #[test]
    fn a_renewal_is_announced_at_most_every_three_seconds() {
        let (mut view, (ada, name)) = (TypingView::default(), user(0));

        let announced: Vec<bool> = [0, 1_000, 2_999, 3_000, 5_000, 6_000]
            .map(|ms| view.start(&ada, &name, None, at(ms)))
            .into();

        assert_eq!(announced, [true, false, false, true, false, true]);
    }

    #[test]
    fn an_indicator_ends_ten_seconds_after_the_last_start() {
        let (mut view, (ada, name)) = (TypingView::default(), user(0));
        view.start(&ada, &name, None, at(0));
        view.start(&ada, &name, None, at(4_000));

        assert_eq!(view.next_expiry(), Some(at(14_000)));
        assert_eq!(view.expire(at(13_999)), []);
        assert_eq!(view.expire(at(14_000)), std::slice::from_ref(&ada));
        assert!(!view.stop(&ada), "the end was told already");
    }

    #[test]
    fn only_the_socket_that_started_last_ends_it_by_leaving() {
        let (mut view, (ada, name)) = (TypingView::default(), user(0));
        let (desk, phone) = (SocketId::new("desk"), SocketId::new("phone"));
        view.start(&ada, &name, Some(desk.clone()), at(0));
        view.start(&ada, &name, Some(phone.clone()), at(1));

        assert!(!view.socket_left(&ada, &desk));
        assert!(view.socket_left(&ada, &phone));
    }

    #[derive(Debug, Clone)]
    enum Op {
        Start { user: usize, socket: usize },
        Stop { user: usize },
        SocketLeft { user: usize, socket: usize },
        Wait(u64),
        Clear,
    }

    fn op() -> impl Strategy<Value = Op> {
        let (user, socket) = (0_usize..3, 0_usize..3);
        prop_oneof![
            6 => (user.clone(), socket.clone()).prop_map(|(user, socket)| Op::Start { user, socket }),
            2 => user.clone().prop_map(|user| Op::Stop { user }),
            2 => (user, socket).prop_map(|(user, socket)| Op::SocketLeft { user, socket }),
            5 => (0_u64..4_000).prop_map(Op::Wait),
            1 => Just(Op::Clear),
        ]
    }

    proptest! {
        /// The naive model: a list of (user, socket, last start, last announcement), and a clock
        /// that ticks every millisecond of interest.
        #[test]
        fn the_view_does_what_a_naive_list_does(ops in prop::collection::vec(op(), 0..150)) {
            let mut view = TypingView::default();
            let mut model: Vec<(usize, usize, u64, u64)> = Vec::new();
            let mut now = 0;
            for op in ops {
                match op {
                    Op::Start { user: u, socket } => {
                        let (id, name) = user(u);
                        let by = Some(SocketId::new(&socket.to_string()));
                        let announced = view.start(&id, &name, by, at(now));
                        let expected = match model.iter_mut().find(|entry| entry.0 == u) {
                            None => { model.push((u, socket, now, now)); true }
                            Some(entry) => {
                                (entry.1, entry.2) = (socket, now);
                                let due = now - entry.3 >= 3_000;
                                if due { entry.3 = now; }
                                due
                            }
                        };
                        prop_assert_eq!(announced, expected);
                    }
                    Op::Stop { user: u } => {
                        let was = model.iter().any(|entry| entry.0 == u);
                        model.retain(|entry| entry.0 != u);
                        prop_assert_eq!(view.stop(&user(u).0), was);
                    }
                    Op::SocketLeft { user: u, socket } => {
                        let was = model.iter().any(|entry| entry.0 == u && entry.1 == socket);
                        model.retain(|entry| !(entry.0 == u && entry.1 == socket));
                        let id = SocketId::new(&socket.to_string());
                        prop_assert_eq!(view.socket_left(&user(u).0, &id), was);
                    }
                    Op::Wait(ms) => {
                        now += ms;
                        let ended: Vec<usize> = model.iter().filter(|e| e.2 + 10_000 <= now).map(|e| e.0).collect();
                        model.retain(|entry| entry.2 + 10_000 > now);
                        let mut told = view.expire(at(now));
                        told.sort();
                        let mut expected: Vec<UserId> = ended.into_iter().map(|u| user(u).0).collect();
                        expected.sort();
                        prop_assert_eq!(told, expected);
                    }
                    Op::Clear => {
                        prop_assert_eq!(view.clear().len(), model.len());
                        model.clear();
                    }
                }
                prop_assert_eq!(view.shown().count(), model.len());
                let next = model.iter().map(|entry| at(entry.2 + 10_000)).min();
                prop_assert_eq!(view.next_expiry(), next);
            }
        }
    }
}
