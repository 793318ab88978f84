//! Two nodes under everything that can happen, against a naive model: who is a member, and which
//! client is in which room.
//!
//! After every step, each client's story has to hold (see [`support::story`]) and each answer has to
//! be the one that the model expects. In the end, when every notice is heard again and time has
//! passed, everybody knows everything.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::{prelude::*, sample::Index};

use chat_domain::{
    id::{Seq, UserId},
    member::Role,
    ports::Listener,
    presence::{Counts, RoomSnapshot},
    usecase::{
        join::{Join, JoinError},
        send::SendError,
        typing::TypingError,
    },
};

use self::support::{
    client::{Client, join},
    group,
    line::Weather,
    story::Story,
    user_id,
    world::{Node, World},
};

const ROOMS: [&str; 2] = ["tea", "milk"];
const USERS: [&str; 3] = ["ada", "bob", "cid"];
/// Owns the groups, and looks whether all is well in the end.
const WARDEN: &str = "warden";
/// So many clients at once are enough.
const CLIENTS: usize = 7;

#[derive(Debug, Clone)]
enum Op {
    Connect {
        node: usize,
        user: usize,
    },
    Disconnect(Index),
    Join {
        who: Index,
        room: usize,
        lacks: Option<u64>,
    },
    Leave {
        who: Index,
        room: usize,
    },
    Send {
        who: Index,
        room: usize,
    },
    Type {
        who: Index,
        room: usize,
    },
    StopTyping {
        who: Index,
        room: usize,
    },
    Remove {
        node: usize,
        user: usize,
        room: usize,
    },
    Add {
        node: usize,
        user: usize,
        room: usize,
    },
    /// What a node was not to hear yet comes in reverse; from now on it hears, loses or keeps things, or is deaf.
    Weather {
        node: usize,
        weather: Weather,
    },
    CompareHeads {
        node: usize,
    },
    /// A node loses touch with the store of presence; the others may take it for dead.
    Lose {
        node: usize,
        is_reaped: bool,
    },
    Restore {
        node: usize,
    },
    /// A node learns that it may have missed something.
    Miss {
        node: usize,
    },
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let who = any::<Index>;
    let (node, room, user) = (|| 0..2_usize, || 0..ROOMS.len(), || 0..USERS.len());
    let weather = prop_oneof![
        2 => Just(Weather::Fair),
        1 => Just(Weather::Losing),
        1 => Just(Weather::Holding),
        1 => Just(Weather::Deaf),
    ];
    let millis = prop_oneof![0..100_u64, 100..1_000_u64, 2_000..12_000_u64];
    prop_oneof![
        4 => (node(), user()).prop_map(|(node, user)| Op::Connect { node, user }),
        2 => who().prop_map(Op::Disconnect),
        8 => (who(), room(), prop::option::of(0..5_u64))
            .prop_map(|(who, room, lacks)| Op::Join { who, room, lacks }),
        2 => (who(), room()).prop_map(|(who, room)| Op::Leave { who, room }),
        8 => (who(), room()).prop_map(|(who, room)| Op::Send { who, room }),
        5 => (who(), room()).prop_map(|(who, room)| Op::Type { who, room }),
        2 => (who(), room()).prop_map(|(who, room)| Op::StopTyping { who, room }),
        1 => (node(), user(), room()).prop_map(|(node, user, room)| Op::Remove { node, user, room }),
        2 => (node(), user(), room()).prop_map(|(node, user, room)| Op::Add { node, user, room }),
        2 => (node(), weather).prop_map(|(node, weather)| Op::Weather { node, weather }),
        1 => node().prop_map(|node| Op::CompareHeads { node }),
        1 => (node(), any::<bool>()).prop_map(|(node, is_reaped)| Op::Lose { node, is_reaped }),
        2 => node().prop_map(|node| Op::Restore { node }),
        1 => node().prop_map(|node| Op::Miss { node }),
        5 => millis.prop_map(Op::Wait),
    ]
}

/// The naive model, with the clients that it is about.
struct Model {
    world: World,
    deaf: BTreeSet<usize>,
    members: BTreeSet<(usize, usize)>,
    said: [u64; ROOMS.len()],
    people: Vec<Person>,
}

/// A client, where it should be, and what it believes.
struct Person {
    client: Client,
    node: usize,
    user: usize,
    rooms: BTreeSet<usize>,
    /// Rooms that it was put out of a moment ago.
    leaving: BTreeSet<usize>,
    stories: BTreeMap<usize, Story>,
}

impl Model {
    async fn new() -> Self {
        let world = World::new(2);
        let everybody = [WARDEN, USERS[0], USERS[1], USERS[2]];
        for room in ROOMS {
            world.group(room, &everybody).await;
        }
        let pairs =
            (0..USERS.len()).flat_map(|user| (0..ROOMS.len()).map(move |room| (user, room)));
        Self {
            world,
            deaf: BTreeSet::new(),
            members: pairs.collect(),
            said: [0; ROOMS.len()],
            people: Vec::new(),
        }
    }

    async fn step(&mut self, op: Op) {
        match op {
            Op::Connect { node, user } if self.people.len() < CLIENTS => {
                self.people.push(Person {
                    client: self.world.connect(node, USERS[user]).await,
                    node,
                    user,
                    rooms: BTreeSet::new(),
                    leaving: BTreeSet::new(),
                    stories: BTreeMap::new(),
                });
            }
            Op::Connect { .. } => {}
            Op::Remove { node, user, room } => self.remove(node, user, room).await,
            Op::Add { node, user, room } => {
                self.members.insert((user, room));
                let chat = &self.world.nodes[node].chat;
                let (room, user) = (group(ROOMS[room]), user_id(USERS[user]));
                chat.put_member(&room, &user, Role::Member).await.unwrap();
            }
            Op::Weather { node, weather } => {
                let Node { chat, gate, .. } = &self.world.nodes[node];
                gate.release_reversed();
                gate.set(weather);
                if weather == Weather::Deaf {
                    self.deaf.insert(node);
                } else if self.deaf.remove(&node) {
                    chat.missed();
                }
            }
            Op::CompareHeads { node } => {
                self.world.nodes[node].chat.compare_heads().await.unwrap();
            }
            Op::Lose { node, is_reaped } => {
                let Node { chat, line, .. } = &self.world.nodes[node];
                line.lose(&**chat);
                if is_reaped {
                    line.reap().await;
                }
            }
            Op::Restore { node } => {
                let Node { chat, line, .. } = &self.world.nodes[node];
                line.restore(&**chat).await;
            }
            Op::Miss { node } => self.world.nodes[node].chat.missed(),
            Op::Wait(millis) => self.wait(millis).await,
            _ if self.people.is_empty() => {}
            Op::Disconnect(who) => {
                let person = self.people.swap_remove(who.index(self.people.len()));
                person.client.disconnect().await.unwrap();
            }
            Op::Join { who, room, lacks } => {
                let who = who.index(self.people.len());
                self.join(who, room, lacks).await;
            }
            Op::Leave { who, room } => {
                let person = who.get_mut(&mut self.people);
                person.client.leave(ROOMS[room]).await.unwrap();
                person.rooms.remove(&room);
                person.stories.entry(room).or_default().leave();
            }
            Op::Send { who, room } => self.send(who.index(self.people.len()), room).await,
            Op::Type { who, room } => {
                let who = who.index(self.people.len());
                let typed = self.people[who].client.type_in(ROOMS[room]).await;
                self.check_typing(&self.people[who], room, &typed);
            }
            Op::StopTyping { who, room } => {
                let person: &Person = who.get(&self.people);
                let stopped = person.client.stop_typing(ROOMS[room]).await;
                self.check_typing(person, room, &stopped);
            }
        }
    }

    async fn wait(&mut self, millis: u64) {
        self.world.advance(Duration::from_millis(millis)).await;
        for person in &mut self.people {
            person.leaving.clear();
        }
    }

    async fn join(&mut self, who: usize, room: usize, lacks: Option<u64>) {
        let is_member = self.members.contains(&(self.people[who].user, room));
        let person = &mut self.people[who];
        let request = Join {
            after: lacks.map(|lacks| Seq::new(self.said[room].saturating_sub(lacks))),
            limit: 1_000,
            ..join(ROOMS[room])
        };
        let joined = person.client.join_with(request).await;
        match joined {
            _ if !is_member => assert!(matches!(joined, Err(JoinError::NotAMember))),
            _ if person.leaving.contains(&room) => {
                assert!(matches!(joined, Err(JoinError::Busy(_))));
            }
            joined => {
                assert_eq!(joined.unwrap().last_seq.get(), self.said[room]);
                person.rooms.insert(room);
            }
        }
    }

    async fn send(&mut self, who: usize, room: usize) {
        let person = &self.people[who];
        let sent = person.client.send(ROOMS[room], "hello").await;
        match sent {
            Err(SendError::NotInRoom) if self.may_believe(person, room) => {}
            _ if !self.members.contains(&(person.user, room)) => {
                assert!(matches!(sent, Err(SendError::NotAMember)));
            }
            _ if !person.rooms.contains(&room) => {
                assert!(matches!(sent, Err(SendError::NotInRoom)));
            }
            sent => {
                self.said[room] += 1;
                assert_eq!(sent.unwrap().message.seq.get(), self.said[room]);
            }
        }
    }

    /// A deaf node compares the members of the rooms that are open there. Of other groups it may believe for a
    /// moment that somebody still is a member, and refuses in the words that members get.
    fn may_believe(&self, person: &Person, room: usize) -> bool {
        self.deaf.contains(&person.node) && !person.rooms.contains(&room)
    }

    fn check_typing(&self, person: &Person, room: usize, typed: &Result<(), TypingError>) {
        match typed {
            Err(TypingError::NotInRoom) if self.may_believe(person, room) => {}
            _ if !self.members.contains(&(person.user, room)) => {
                assert!(matches!(typed, Err(TypingError::NotAMember)));
            }
            _ if !person.rooms.contains(&room) => {
                assert!(matches!(typed, Err(TypingError::NotInRoom)));
            }
            typed => assert!(typed.is_ok()),
        }
    }

    async fn remove(&mut self, node: usize, user: usize, room: usize) {
        let chat = &self.world.nodes[node].chat;
        let (group, id) = (group(ROOMS[room]), user_id(USERS[user]));
        chat.delete_member(&group, &id).await.unwrap();
        let unaware: Vec<usize> = self.deaf.iter().copied().filter(|it| *it != node).collect();
        for node in &unaware {
            self.world.nodes[*node].chat.compare_heads().await.unwrap();
        }
        self.members.remove(&(user, room));
        for person in self.people.iter_mut().filter(|person| person.user == user) {
            if person.rooms.remove(&room) {
                person.leaving.insert(room);
            }
        }
        if !unaware.is_empty() {
            // So long they may take somebody for a member who is in no room.
            self.wait(10_000).await;
        }
    }

    /// Lets every client hear what it was told.
    async fn listen(&mut self) {
        for person in &mut self.people {
            let me = user_id(USERS[person.user]);
            for heard in person.client.take() {
                let Some(about) = heard.group() else {
                    continue;
                };
                let room = ROOMS.iter().position(|id| group(id) == *about);
                let story = person.stories.entry(room.unwrap()).or_default();
                story.hear(&me, heard);
            }
            for (room, story) in &mut person.stories {
                if story.is_in && story.there.is_none() {
                    let chat = &self.world.nodes[person.node].chat;
                    let seen = chat.room_info(&me, &group(ROOMS[*room]), None, 100).await;
                    let others = seen.unwrap().online.into_iter().filter(|id| *id != me);
                    story.there = Some(others.collect());
                }
                assert_eq!(story.is_in, person.rooms.contains(room));
            }
        }
    }

    /// Every notice is heard again, somebody comes and goes, and time passes.
    async fn come_to_rest(&mut self) {
        for node in 0..2 {
            self.step(Op::Weather {
                node,
                weather: Weather::Fair,
            })
            .await;
            self.step(Op::CompareHeads { node }).await;
            self.step(Op::Restore { node }).await;
        }
        let mut warden = self.world.connect(0, WARDEN).await;
        for room in ROOMS {
            warden.join(room).await.unwrap();
        }
        warden.disconnect().await.unwrap();
        self.step(Op::Wait(20_000)).await;
        self.listen().await;
    }

    async fn check_rest(&self) {
        for (room, id) in ROOMS.into_iter().enumerate() {
            let in_room = || self.people.iter().filter(|p| p.rooms.contains(&room));
            let users: BTreeSet<UserId> = in_room().map(|p| user_id(USERS[p.user])).collect();
            let counts = Counts {
                members: users.len(),
                sockets: in_room().count(),
            };

            let kept = self.world.in_store(id).await;
            assert!(kept.users.keys().eq(&users), "the store has {kept:?}");
            assert_eq!(kept.counts(), counts);
            let (warden, group) = (user_id(WARDEN), group(id));
            for node in &self.world.nodes {
                let seen = node.chat.room_info(&warden, &group, None, 100).await;
                let seen = seen.unwrap();
                assert!(seen.online.iter().eq(&users), "a node sees {seen:?}");
                assert_eq!(seen.counts, counts);
            }
            for person in in_room() {
                let (story, me) = (&person.stories[&room], user_id(USERS[person.user]));
                let others = users.iter().filter(|id| **id != me).cloned().collect();
                assert_eq!(story.told, self.said[room]);
                assert_eq!(story.there, Some(others));
                assert_eq!(story.typing, BTreeSet::new());
                let listed = story.listed.as_ref().unwrap();
                assert!(listed.online.iter().eq(&users) && listed.counts == counts);
            }
        }
        assert!(self.world.is_idle(), "nothing is left to be done");
    }

    async fn go_home(self) {
        for person in self.people {
            person.client.disconnect().await.unwrap();
        }
        for room in ROOMS {
            let store = self.world.in_store(room).await;
            assert_eq!(store, RoomSnapshot::default());
        }
        for node in &self.world.nodes {
            assert!(node.gate.followed().is_empty(), "every room is closed");
        }
    }
}

async fn live(ops: Vec<Op>) {
    let mut model = Model::new().await;
    for op in ops {
        model.step(op).await;
        model.listen().await;
    }
    model.come_to_rest().await;
    model.check_rest().await;
    model.go_home().await;
}

proptest! {
    #[test]
    fn whatever_happens_everybody_is_told_the_truth_in_order(
        ops in prop::collection::vec(op(), 0..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(ops));
    }
}
