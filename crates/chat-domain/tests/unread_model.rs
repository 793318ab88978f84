//! Whatever happens, who is connected knows how much is unread, wherever it was sent from.
//!
//! The naive model is a client that asks for its groups when it connects and when its user leaves a room, believes what
//! it is told in between, and compares with the database when all is quiet.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::{collections::BTreeMap, time::Duration};

use proptest::{prelude::*, sample::Index};

use chat_domain::{id::GroupId, member::Role, message::MessageBody, news::News};

use self::support::{client::Client, group, heard::Heard, user_id, world::World};

const ROOMS: [&str; 3] = ["tea", "milk", "wine"];
const USERS: [&str; 3] = ["ada", "bob", "cid"];
/// Owns the groups, and is never there.
const WARDEN: &str = "warden";
const NODES: usize = 3;
/// So many clients at once are enough.
const CLIENTS: usize = 6;
/// All that is noted has been done by then.
const QUIET: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
enum Op {
    Connect { node: usize, user: usize },
    Disconnect(Index),
    Join { who: Index, room: usize },
    Leave { who: Index, room: usize },
    Send { node: usize, room: usize },
    Read { who: Index, room: usize },
    Add { user: usize, room: usize },
    Remove { user: usize, room: usize },
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let who = any::<Index>;
    let (node, room, user) = (|| 0..NODES, || 0..ROOMS.len(), || 0..USERS.len());
    let millis = prop_oneof![0..100_u64, 100..1_000_u64, 2_000..8_000_u64];
    prop_oneof![
        4 => (node(), user()).prop_map(|(node, user)| Op::Connect { node, user }),
        2 => who().prop_map(Op::Disconnect),
        3 => (who(), room()).prop_map(|(who, room)| Op::Join { who, room }),
        3 => (who(), room()).prop_map(|(who, room)| Op::Leave { who, room }),
        8 => (node(), room()).prop_map(|(node, room)| Op::Send { node, room }),
        2 => (who(), room()).prop_map(|(who, room)| Op::Read { who, room }),
        1 => (user(), room()).prop_map(|(user, room)| Op::Add { user, room }),
        1 => (user(), room()).prop_map(|(user, room)| Op::Remove { user, room }),
        5 => millis.prop_map(Op::Wait),
    ]
}

/// A client, and how much it believes to be unread.
struct Person {
    client: Client,
    node: usize,
    user: usize,
    unread: BTreeMap<GroupId, u32>,
}

impl Person {
    async fn ask(&mut self, world: &World) {
        let chat = &world.nodes[self.node].chat;
        let listed = chat.groups_of(&user_id(USERS[self.user]), None, 100).await;
        let listed = listed.unwrap().into_iter();
        self.unread = listed.map(|it| (it.group.id, it.mark.unread)).collect();
    }

    fn listen(&mut self) {
        for heard in self.client.take() {
            match heard {
                Heard::News(News::Unread { group, mark, .. }) => {
                    self.unread.insert(group, mark.unread);
                }
                Heard::News(News::AddedToGroup(addition)) => {
                    self.unread.insert(addition.group.clone(), 0);
                }
                Heard::News(News::RemovedFromGroup { group, .. }) => {
                    self.unread.remove(&group);
                }
                _ => {}
            }
        }
    }
}

struct Model {
    world: World,
    people: Vec<Person>,
}

impl Model {
    async fn new() -> Self {
        let world = World::new(NODES);
        for room in ROOMS {
            world.group(room, &[WARDEN, USERS[0], USERS[1]]).await;
        }
        let people = Vec::new();
        Self { world, people }
    }

    async fn step(&mut self, op: Op) {
        match op {
            Op::Connect { node, user } if self.people.len() < CLIENTS => {
                let client = self.world.connect(node, USERS[user]).await;
                let unread = BTreeMap::new();
                let mut person = Person {
                    client,
                    node,
                    user,
                    unread,
                };
                person.ask(&self.world).await;
                self.people.push(person);
            }
            Op::Connect { .. } => {}
            Op::Send { node, room } => {
                let (chat, text) = (&self.world.nodes[node].chat, MessageBody::stored("hello"));
                let sent = chat.announce(&group(ROOMS[room]), text, None).await;
                sent.unwrap();
            }
            Op::Add { user, room } => {
                let (room, user) = (group(ROOMS[room]), user_id(USERS[user]));
                let chat = &self.world.nodes[0].chat;
                chat.put_member(&room, &user, Role::Member).await.unwrap();
            }
            Op::Remove { user, room } => {
                let (room, user) = (group(ROOMS[room]), user_id(USERS[user]));
                let chat = &self.world.nodes[0].chat;
                chat.delete_member(&room, &user).await.unwrap();
            }
            Op::Wait(millis) => self.world.advance(Duration::from_millis(millis)).await,
            _ if self.people.is_empty() => {}
            Op::Disconnect(who) => {
                let person = self.people.swap_remove(who.index(self.people.len()));
                person.client.disconnect().await.unwrap();
                self.ask_again(person.user).await;
            }
            Op::Join { who, room } => {
                // Who is no member stays outside, and who was just put out has to wait.
                let _ = who.get_mut(&mut self.people).client.join(ROOMS[room]).await;
            }
            Op::Leave { who, room } => {
                let person = who.get_mut(&mut self.people);
                person.client.leave(ROOMS[room]).await.unwrap();
                let user = person.user;
                self.ask_again(user).await;
            }
            Op::Read { who, room } => {
                let person: &Person = who.get(&self.people);
                let chat = &self.world.nodes[person.node].chat;
                let head = chat_domain::id::Seq::new(u64::MAX >> 1);
                // Who is no member has read nothing.
                let _ = chat
                    .mark_read(&user_id(USERS[person.user]), &group(ROOMS[room]), head)
                    .await;
            }
        }
        for person in &mut self.people {
            person.listen();
        }
    }

    /// Who was in the room was told the messages themselves.
    async fn ask_again(&mut self, user: usize) {
        for person in &mut self.people {
            person.listen();
            if person.user == user {
                person.ask(&self.world).await;
            }
        }
    }

    async fn check(&mut self) {
        self.step(Op::Wait(u64::try_from(QUIET.as_millis()).unwrap()))
            .await;
        for person in &mut self.people {
            let mut believed = person.unread.clone();
            person.ask(&self.world).await;
            let mut truth = person.unread.clone();
            let me = user_id(USERS[person.user]);
            for room in ROOMS {
                let there = self.world.in_store(room).await;
                if there.users.contains_key(&me) {
                    believed.remove(&group(room));
                    truth.remove(&group(room));
                }
            }
            assert_eq!(believed, truth, "{me} at node {}", person.node);
        }
    }

    async fn go_home(self) {
        for person in self.people {
            person.client.disconnect().await.unwrap();
        }
        self.world.advance(QUIET).await;
        for node in &self.world.nodes {
            assert!(node.gate.cared_for().is_empty(), "nobody is there");
        }
        assert!(self.world.is_idle());
    }
}

async fn live(ops: Vec<Op>) {
    let mut model = Model::new().await;
    for op in ops {
        model.step(op).await;
    }
    model.check().await;
    model.go_home().await;
}

proptest! {
    #[test]
    fn whatever_happens_who_is_connected_knows_how_much_is_unread(
        ops in prop::collection::vec(op(), 0..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(ops));
    }
}
