//! The bus over a real Redis, alone, under Sentinels and as a cluster, and what becomes of it when one fails.

mod support;

use std::{
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chat_domain::{
    contract::cluster::{Cluster, Node, group, user},
    id::{GroupId, MessageId, NodeId, Seq},
    memory::{ManualClock, MemoryHub, MemoryLedger, MemoryLimiter, MemoryPresence},
    message::{Draft, MessageBody},
    news::{Notice, ReadMark, Topic},
    ports::{Bus, Care, Clock, Listener},
    time::Timestamp,
};
use chat_infra::redis::{
    address::Address,
    bus::{RedisBus, Witness},
    connection::Connection,
    server::Duty,
    subscriber::Subscriber,
};
use chat_testkit::{
    redis::{RedisCluster, RedisServer, RedisUnderSentinels},
    relay::Relay,
};
use tokio::time::{sleep, timeout};

use self::support::notes::Notes;

async fn bus(url: &str) -> (NodeId, RedisBus) {
    let address = Address::parse(url).expect("it is one");
    let connection = Connection::open(address, Duty::Bus).await;
    let subscriber = Subscriber::start(connection.expect("it will do")).await;
    let node = NodeId::new(fastrand::u128(..));
    (node, RedisBus::start(node, subscriber).await)
}

/// Nodes that share a Redis, and have the rest for themselves.
struct Fleet<R> {
    _redis: R,
    url: String,
}

impl Fleet<RedisServer> {
    async fn on_one() -> Self {
        let redis = RedisServer::start().await;
        let url = redis.url();
        Self { _redis: redis, url }
    }
}

impl Fleet<RedisCluster> {
    async fn on_cluster() -> Self {
        let redis = RedisCluster::start().await;
        let url = redis.url();
        Self { _redis: redis, url }
    }
}

#[async_trait]
impl<R: Send + Sync> Cluster for Fleet<R> {
    async fn node(&self) -> Node {
        let (id, bus) = bus(&self.url).await;
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::default()));
        let hub = Arc::new(MemoryHub::default());
        let presence = Arc::new(MemoryPresence::new(id, hub, Arc::clone(&clock)));
        Node {
            id,
            presence: presence.clone(),
            typing: presence,
            bus: Arc::new(bus),
            limiter: Arc::new(MemoryLimiter::new(clock)),
            ledger: Arc::new(MemoryLedger::default()),
        }
    }

    async fn pass(&self, span: Duration) {
        sleep(span).await;
    }
}

mod alone {
    chat_domain::bus_contract!(super::Fleet::on_one());
}

mod cluster {
    chat_domain::bus_contract!(super::Fleet::on_cluster());
}

/// A node that follows `tea`.
struct Member {
    bus: RedisBus,
    notes: Arc<Notes>,
}

impl Member {
    async fn at(url: &str) -> Self {
        let (_, bus) = bus(url).await;
        let notes = Arc::<Notes>::default();
        let listener: Arc<dyn Listener> = Arc::clone(&notes) as _;
        bus.attach(Arc::downgrade(&listener) as Weak<dyn Listener>);
        bus.follow(&group("tea")).await.expect("it is noted");
        Self { bus, notes }
    }

    fn stops_typing(&self, number: usize) {
        self.bus.publish(stopped("tea", number));
    }

    async fn saw(messages: usize, seen: &Seen) {
        let seeing = async {
            while seen.0.lock().expect("nobody panics").len() < messages {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), seeing)
            .await
            .expect("they are published");
    }

    async fn has_published(&self, notices: usize) {
        let publishing = async {
            while self.bus.traffic().published < notices as u64 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), publishing)
            .await
            .expect("they are published");
    }

    async fn hears_of(&self, number: usize) {
        let expected = format!("{:?}", stopped("tea", number));
        self.notes.until_it_says(&expected).await;
    }
}

const MARK: ReadMark = ReadMark {
    last_read: Seq::ZERO,
    unread: 0,
};

fn stopped(room: &str, number: usize) -> Notice {
    Notice::TypingStopped(group(room), user(&format!("user{number}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_hear_each_other_again_after_redis_was_killed_and_came_back_empty() {
    let mut server = RedisServer::start().await;
    let (near, far) = (
        Member::at(&server.url()).await,
        Member::at(&server.url()).await,
    );
    near.stops_typing(1);
    far.hears_of(1).await;

    server.kill();
    for node in [&near, &far] {
        node.notes.until_it_says("lost Bus").await;
    }
    server.restart_empty().await;
    for node in [&near, &far] {
        let told = node.notes.until_it_says("missed").await;
        assert!(
            told.ends_with(&["restored Bus".into(), "missed".into()]),
            "{told:?}"
        );
    }

    near.stops_typing(2);
    far.hears_of(2).await;
    far.stops_typing(3);
    near.hears_of(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_hear_each_other_again_after_a_failover() {
    let mut redis = RedisUnderSentinels::start().await;
    let (near, far) = (
        Member::at(&redis.url()).await,
        Member::at(&redis.url()).await,
    );

    redis.fail_over().await;
    for node in [&near, &far] {
        node.notes.until_it_says("missed").await;
    }

    near.stops_typing(1);
    far.hears_of(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cut_off_for_a_moment_knows_what_he_may_have_missed() {
    let server = RedisServer::start().await;
    let (near, far) = (
        Member::at(&server.url()).await,
        Member::at(&server.url()).await,
    );

    assert_eq!(server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]), "2");
    let told = far.notes.until_it_says("missed").await;
    near.notes.until_it_says("missed").await;
    near.stops_typing(1);

    far.hears_of(1).await;
    assert_eq!(told, ["missed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_never_waits_and_what_was_dropped_is_found_by_the_others() {
    const MANY: usize = 50_000;
    let server = RedisServer::start().await;
    let relay = Relay::start(server.port());
    let near = Member::at(&RedisServer::url_at(relay.port())).await;
    let far = Member::at(&server.url()).await;

    relay.silence();
    let start = Instant::now();
    for number in 0..MANY {
        near.stops_typing(number);
    }
    let waited = start.elapsed();
    let dropped = near.bus.traffic().dropped;
    near.notes.until_it_says("lost Bus").await;
    near.stops_typing(MANY);
    relay.pass();
    far.notes
        .until(|told| told.iter().any(|it| it == "missed"))
        .await;

    assert!(dropped > 0, "the queue has a limit");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    assert!(!far.notes.read().contains(&"lost Bus".to_owned()));
    near.notes.until_it_says("missed").await;
    near.stops_typing(MANY + 1);
    far.hears_of(MANY + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_starts_without_redis_is_lost_at_once_and_heals() {
    let mut server = RedisServer::start().await;
    server.kill();
    let near = Member::at(&server.url()).await;
    assert_eq!(near.notes.read(), ["lost Bus"]);

    server.restart_empty().await;
    near.notes.until_it_says("missed").await;
    let far = Member::at(&server.url()).await;
    far.stops_typing(1);

    near.hears_of(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_hears_only_of_rooms_that_it_follows() {
    const ROOMS: usize = 1_000;
    const EACH: usize = 5;
    let server = RedisServer::start().await;
    let (near, far) = (
        Member::at(&server.url()).await,
        Member::at(&server.url()).await,
    );
    // Somebody at the far node is a member of one more group, and all users read on.
    let topics = [Topic::News(group("room8")), Topic::User(user("user7"))];
    far.bus.care(Care::Begins(&topics));
    far.bus.follow(&group("room7")).await.expect("it is noted");

    for number in 0..EACH {
        for room in 0..ROOMS {
            let (id, reader) = (format!("room{room}"), format!("user{room}"));
            near.bus.publish(stopped(&id, number));
            near.bus.publish(Notice::Stirred(group(&id)));
            near.bus
                .publish(Notice::Read(group(&id), user(&reader), MARK));
        }
        // What waits is bounded.
        near.has_published(3 * ROOMS * (number + 1)).await;
    }
    near.stops_typing(ROOMS);
    far.hears_of(ROOMS).await;

    let told = 3 * ROOMS * EACH + 1;
    near.has_published(told).await;
    let wanted = u64::try_from(3 * EACH + 1).unwrap();
    assert_eq!(far.bus.traffic().heard, wanted);
    println!(
        "of {told} notices about {ROOMS} rooms, a node in 2 of them, with a member of a third, heard {wanted}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_message_that_is_too_large_its_place_is_heard() {
    let server = RedisServer::start().await;
    let (near, far) = (
        Member::at(&server.url()).await,
        Member::at(&server.url()).await,
    );
    let text = "\u{1F600}".repeat(5_000);

    near.bus.publish(committed(7, &text));

    let expected = format!("{:?}", Notice::Grown(group("tea"), Seq::new(7)));
    far.notes.until_it_says(&expected).await;
}

fn committed(seq: u64, text: &str) -> Notice {
    let id = MessageId::from_bytes(u128::from(seq).to_be_bytes());
    let (tea, text): (GroupId, _) = (group("tea"), MessageBody::stored(text));
    let draft = Draft::by_system(tea, text, None, id, Timestamp::default());
    Notice::Committed(Arc::new(draft.into_message(Seq::new(seq), None)))
}

#[derive(Default)]
struct Seen(Mutex<Vec<MessageId>>);

impl Witness for Seen {
    fn published(&self, messages: &[MessageId], _: Duration) {
        self.0.lock().expect("nobody panics").extend(messages);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_seen_when_redis_has_passed_them_on_and_not_otherwise() {
    let mut server = RedisServer::start().await;
    let near = Member::at(&server.url()).await;
    let seen = Arc::<Seen>::default();
    near.bus.show(Arc::clone(&seen) as _);

    near.stops_typing(1);
    near.bus.publish(committed(1, "hello"));
    near.bus.publish(committed(2, &"x".repeat(20_000)));
    Member::saw(2, &seen).await;
    server.kill();
    near.notes.until_it_says("lost Bus").await;
    near.bus.publish(committed(3, "nobody"));
    server.restart_empty().await;
    near.notes.until_it_says("missed").await;
    near.bus.publish(committed(4, "somebody"));
    Member::saw(3, &seen).await;

    let ids = [1_u128, 2, 4].map(|seq| MessageId::from_bytes(seq.to_be_bytes()));
    assert_eq!(*seen.0.lock().expect("nobody panics"), ids);
}
