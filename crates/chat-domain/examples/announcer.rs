//! Another service that uses the rules of group chat: it announces deployments to a team.
//!
//! It brings three small things of its own, [`Console`] for sockets, [`NoAgenda`] and
//! [`LoadedDice`], and takes every other port from memory. Run it with `cargo run -p chat-domain --example announcer`.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chat_domain::{
    chore::Chore,
    group::GroupName,
    id::{GroupId, NodeId, SocketId, UserId},
    member::Role,
    memory::{ManualClock, MemoryDatabase, MemoryHub, MemoryLimiter, MemoryPresence},
    message::MessageBody,
    news::{Audience, News},
    ports::{Agenda, Dice, Sockets},
    revocation::Revocation,
    room::RoomPolicy,
    usecase::{Chat, Policy, Ports, join::Join},
    user::{User, UserName},
};

/// Writes down whom what would be told.
#[derive(Default)]
struct Console(Mutex<Vec<String>>);

impl Sockets for Console {
    fn tell(&self, news: &News) {
        let whom = match news.audience() {
            Audience::Room(group) => format!("everybody in {group}"),
            Audience::RoomBut(group, user) => format!("everybody in {group} but {user}"),
            Audience::User(user) => user.to_string(),
            Audience::Everybody => "everybody".to_owned(),
        };
        let what = match news {
            News::Message(message, _) => format!("\"{}\"", message.body.as_str()),
            News::UserJoined { user, .. } => format!("{user} is here"),
            News::UserLeft { user, .. } => format!("{user} is gone"),
            News::AddedToGroup(addition) => format!("you are in \"{}\"", addition.name.as_str()),
            other => format!("{other:?}"),
        };
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("to {whom}: {what}"));
    }

    fn admit(&self, _: &SocketId, _: &GroupId) {}

    fn dismiss(&self, _: &SocketId, _: &GroupId) {}

    fn end_all(&self, _: &UserId) {}

    fn refuse_token(&self, _: &Revocation) {}

    fn end(&self, _: &UserId, _: &SocketId) {}
}

/// Whatever is due later, this program has ended by then.
struct NoAgenda;

impl Agenda for NoAgenda {
    fn note(&self, _: Chore, _: Duration) {}
}

/// Dice that always show the same. A real service asks the system.
struct LoadedDice;

impl Dice for LoadedDice {
    fn roll(&self) -> u128 {
        4
    }
}

fn node(console: &Arc<Console>) -> Arc<Chat> {
    let clock = Arc::new(ManualClock::default());
    let hub = Arc::new(MemoryHub::default());
    let database = Arc::new(MemoryDatabase::default());
    let node = NodeId::new(LoadedDice.roll());
    let presence = Arc::new(MemoryPresence::new(node, Arc::clone(&hub), clock.clone()));
    let ports = Ports {
        node,
        users: database.clone(),
        groups: database.clone(),
        memberships: database.clone(),
        roster: database.clone(),
        log: database.clone(),
        marks: database.clone(),
        revoked: database,
        presence: presence.clone(),
        typing: presence,
        bus: Arc::new(hub.connect()),
        limiter: Arc::new(MemoryLimiter::new(clock.clone())),
        sockets: Arc::clone(console) as _,
        agenda: Arc::new(NoAgenda),
        observer: Arc::new(()),
        clock,
        dice: Arc::new(LoadedDice),
    };
    let policy = Policy {
        rooms: RoomPolicy {
            members_update_interval: Duration::from_millis(250),
            online_members_listed: 200,
            large: Some(500),
        },
        rooms_per_socket: None,
        page_bytes: 65_536,
        messages: None,
        typing: None,
        joins: None,
        history: None,
    };
    Chat::new(ports, policy)
}

async fn announce() -> Result<Vec<String>, Box<dyn Error>> {
    let console = Arc::new(Console::default());
    let chat = node(&console);
    let (team, robot) = (GroupId::parse("team")?, UserId::parse("robot")?);
    let ada = User {
        id: UserId::parse("ada")?,
        name: UserName::parse("Ada")?,
        image: None,
    };
    let name = GroupName::parse("The team")?;
    chat.put_group(&team, name, &robot).await?;
    chat.put_member(&team, &ada.id, Role::Member).await?;
    let mut desk = chat.connect(ada, SocketId::new("desk")).await?;
    let join = Join {
        group: team.clone(),
        after: None,
        epoch: None,
        limit: 50,
    };
    chat.join(&mut desk, join, |_| {}).await?;

    let news = MessageBody::parse("v1.2 is live", 4_000)?;
    chat.announce(&team, news, None).await?;
    chat.disconnect(desk).await?;

    let lines = console.0.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(lines.clone())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    for line in announce().await? {
        println!("{line}");
    }
    Ok(())
}

#[tokio::test]
async fn the_team_is_told() {
    let told = announce().await.expect("memory does not fail");

    assert_eq!(
        told,
        [
            "to robot: you are in \"The team\"",
            "to ada: you are in \"The team\"",
            "to everybody in team but ada: ada is here",
            "to everybody in team: \"v1.2 is live\"",
            "to everybody in team but ada: ada is gone",
        ]
    );
}
