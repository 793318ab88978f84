//! Subscriptions outlive what happens to their connections, and every doubt is told.

mod support;

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use chat_infra::redis::{
    address::Address,
    connection::Connection,
    server::Duty,
    subscriber::{Ear, Subscriber},
};
use chat_testkit::{
    port::Port,
    redis::{RedisCluster, RedisServer, RedisUnderSentinels},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::block_in_place,
    time::timeout,
};

use self::support::notes::Notes;

/// One who follows `tea`.
struct Follower {
    subscriber: Subscriber,
    notes: Arc<Notes>,
}

impl Follower {
    async fn at(url: &str) -> Self {
        let address = Address::parse(url).expect("it is one");
        let connection = Connection::open(address, Duty::Bus).await;
        let subscriber = Subscriber::start(connection.expect("it will do")).await;
        let notes = Arc::<Notes>::default();
        let follower = Self { subscriber, notes };
        follower.subscriber.attach(follower.ear());
        follower.follow("tea").await;
        follower
    }

    fn ear(&self) -> Weak<dyn Ear> {
        let ear: Arc<dyn Ear> = Arc::clone(&self.notes) as _;
        Arc::downgrade(&ear)
    }

    async fn follow(&self, channel: &str) {
        self.subscriber.follow(channel.to_owned(), self.ear()).await;
    }
}

fn publish(server: &RedisServer, channel: &str, what: &str) {
    let heard_by = server.ask(&["PUBLISH", channel, what]);
    assert!(heard_by.parse::<u32>().is_ok(), "{heard_by}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_heard_by_who_follows() {
    let server = RedisServer::start().await;
    let follower = Follower::at(&server.url()).await;
    follower.follow("milk").await;

    publish(&server, "sugar", "0");
    publish(&server, "tea", "1");
    publish(&server, "milk", "2");
    follower.notes.until_it_says("milk: 2").await;
    follower.subscriber.unfollow("tea");
    follower.follow("end").await;
    publish(&server, "tea", "3");
    publish(&server, "end", "4");

    let heard = follower.notes.until_it_says("end: 4").await;
    assert_eq!(heard, ["tea: 1", "milk: 2", "end: 4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_channels_are_heard_again_after_a_restart() {
    let mut server = RedisServer::start().await;
    let follower = Follower::at(&server.url()).await;
    for number in 0..600 {
        follower.follow(&format!("room{number}")).await;
    }

    server.kill();
    follower.notes.until_it_says("lost").await;
    // What is wished while nobody is there is wished all the same.
    follower.follow("meanwhile").await;
    server.restart_empty().await;
    let told = follower.notes.until_it_says("missed").await;
    follower.notes.forget();
    let mut expected = Vec::new();
    for channel in (0..600)
        .map(|number| format!("room{number}"))
        .chain(["meanwhile".to_owned()])
    {
        publish(&server, &channel, "1");
        expected.push(format!("{channel}: 1"));
    }

    assert_eq!(told, ["lost", "restored", "missed"]);
    let heard = follower.notes.until_it_says("meanwhile: 1").await;
    assert_eq!(heard, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_channels_cost_no_round_trip_each() {
    const MANY: usize = 50_000;
    let server = RedisServer::start().await;
    let follower = Follower::at(&server.url()).await;
    let channels = || (0..MANY).map(|number| format!("news{number}"));
    let settle = async || while !follower.subscriber.settle().await {};
    let heard = || {
        let numbers = [0, MANY / 2, MANY - 1];
        numbers.map(|number| hearers(&server, &format!("news{number}")))
    };

    follower.subscriber.follow_soon(channels(), &follower.ear());
    settle().await;
    let first = heard();
    server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    let told = follower.notes.until_it_says("missed").await;
    let again = heard();
    follower.subscriber.unfollow_all(channels());
    settle().await;

    assert_eq!([first, again, heard()], [[1; 3], [1; 3], [0; 3]]);
    assert_eq!(told, ["missed"]);
    for command in ["subscribe", "unsubscribe", "pubsub|numsub"] {
        let calls = calls(&server, command);
        assert!(calls < MANY / 100, "{calls} times {command}");
    }
}

/// How many hear that channel.
fn hearers(server: &RedisServer, channel: &str) -> u32 {
    let said = server.ask(&["PUBSUB", "NUMSUB", channel]);
    let count = said.lines().last().map(str::parse);
    count.expect("it says something").expect("it is a number")
}

/// How often that was asked.
fn calls(server: &RedisServer, command: &str) -> usize {
    let said = server.ask(&["INFO", "commandstats"]);
    let begin = format!("cmdstat_{command}:calls=");
    let line = said.lines().find_map(|line| line.strip_prefix(&begin));
    let count = line.and_then(|rest| rest.split(',').next());
    count.map_or(0, |count| count.parse().expect("it is a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_server_that_says_nothing_learns_that_it_takes_longer() {
    let server = RedisServer::start().await;
    let follower = Follower::at(&server.url()).await;

    server.pause();
    let meanwhile = ["meanwhile".to_owned()];
    follower.subscriber.follow_soon(meanwhile, &follower.ear());
    let in_time = follower.subscriber.settle().await;
    follower.notes.until_it_says("lost").await;
    server.resume();
    follower.notes.until_it_says("missed").await;
    let later = follower.subscriber.settle().await;
    publish(&server, "meanwhile", "1");

    follower.notes.until_it_says("meanwhile: 1").await;
    assert_eq!((in_time, later), (false, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_is_made_anew_and_only_what_was_missed_is_told() {
    let server = RedisServer::start().await;
    let follower = Follower::at(&server.url()).await;

    for _ in 0..3 {
        assert_eq!(server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]), "1");
        let told = follower.notes.until_it_says("missed").await;
        publish(&server, "tea", "1");
        follower.notes.until_it_says("tea: 1").await;

        assert_eq!(told, ["missed"]);
        follower.notes.forget();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_says_nothing_is_lost_until_it_speaks_again() {
    let server = RedisServer::start().await;
    let follower = Follower::at(&server.url()).await;

    server.pause();
    follower.notes.until_it_says("lost").await;
    let follow = timeout(Duration::from_secs(5), follower.follow("meanwhile"));
    follow.await.expect("nobody waits for it");
    server.resume();
    let told = follower.notes.until_it_says("missed").await;
    publish(&server, "tea", "1");
    publish(&server, "meanwhile", "2");

    assert_eq!(told, ["lost", "restored", "missed"]);
    follower.notes.until_it_says("meanwhile: 2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_that_are_silently_dead_are_noticed() {
    let server = RedisServer::start().await;
    let deafener = Deafener::start(server.port()).await;
    let follower = Follower::at(&RedisServer::url_at(deafener.port.number())).await;

    deafener.deafen();
    publish(&server, "tea", "lost");
    let since = Instant::now();
    let told = follower.notes.until_it_says("missed").await;
    let took = since.elapsed();
    publish(&server, "tea", "heard");

    assert_eq!(told, ["missed"]);
    assert!(took < Duration::from_secs(4), "{took:?}");
    follower.notes.until_it_says("tea: heard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_more_comes_than_can_wait_it_is_told_that_something_was_missed() {
    const SCRIPT: &str = "for n = 1, 40000 do redis.call('PUBLISH', 'flood', n) end";
    let server = RedisServer::start().await;
    let follower = Follower::at(&server.url()).await;
    let slow = Arc::<SlowEar>::default();
    let ear: Arc<dyn Ear> = Arc::clone(&slow) as _;
    let subscriber = &follower.subscriber;
    subscriber
        .follow("flood".into(), Arc::downgrade(&ear))
        .await;

    let slowly = slow.0.lock().await;
    server.ask(&["EVAL", SCRIPT, "0"]);
    // What the server says to this comes after the flood. Who waits longer has given up.
    let mut followed_at = Instant::now();
    follower.follow("dam").await;
    while followed_at.elapsed() > Duration::from_millis(400) {
        subscriber.unfollow("dam");
        followed_at = Instant::now();
        follower.follow("dam").await;
    }
    drop(slowly);

    assert_eq!(follower.notes.until_it_says("missed").await, ["missed"]);
    publish(&server, "tea", "1");
    follower.notes.until_it_says("tea: 1").await;
}

/// One who can be kept from hearing.
#[derive(Default)]
struct SlowEar(tokio::sync::Mutex<()>);

impl Ear for SlowEar {
    fn hear(&self, _: &str, _: &[u8]) {
        // The thread is made up for, so that only who hears is slow.
        block_in_place(|| drop(self.0.blocking_lock()));
    }

    fn missed(&self) {}

    fn lost(&self) {}

    fn restored(&self) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_subscribe_is_lost_until_he_may() {
    let server = RedisServer::start().await;
    let follower = Follower::at(&server.url()).await;

    server.ask(&["ACL", "SETUSER", "default", "resetchannels"]);
    follower.notes.until_it_says("lost").await;
    server.ask(&["ACL", "SETUSER", "default", "allchannels"]);
    follower.notes.until_it_says("missed").await;
    publish(&server, "tea", "1");

    follower.notes.until_it_says("tea: 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_attaches_while_nothing_is_heard_is_told_at_once() {
    let mut server = RedisServer::start().await;
    server.kill();
    let follower = Follower::at(&server.url()).await;
    assert_eq!(follower.notes.read(), ["lost"]);

    server.restart_empty().await;
    let told = follower.notes.until_it_says("missed").await;
    publish(&server, "tea", "1");

    assert_eq!(told, ["lost", "restored", "missed"]);
    follower.notes.until_it_says("tea: 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heir_of_a_master_is_heard() {
    let mut redis = RedisUnderSentinels::start().await;
    let follower = Follower::at(&redis.url()).await;

    redis.fail_over().await;
    let told = follower.notes.until_it_says("missed").await;
    publish(&redis.servers[1], "tea", "1");

    assert_eq!(told, ["lost", "restored", "missed"]);
    follower.notes.until_it_says("tea: 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_everything_is_heard_wherever_it_is_published() {
    let cluster = RedisCluster::start().await;
    let follower = Follower::at(&cluster.url()).await;
    follower.follow("milk").await;

    for server in &cluster.servers {
        publish(server, "tea", "1");
        follower.notes.until_it_says("tea: 1").await;
        publish(server, "milk", "1");
        follower.notes.until_it_says("milk: 1").await;
    }
}

/// A network that loses what the server says to connections which have subscriptions, and nothing else, until
/// they are made anew.
struct Deafener {
    port: Port,
    deaf: watch::Sender<u32>,
}

impl Deafener {
    async fn start(to_port: u16) -> Self {
        let port = Port::reserve();
        let listener = TcpListener::bind(("127.0.0.1", port.number())).await;
        let listener = listener.expect("it is free");
        let deaf = watch::Sender::new(0);
        let told = deaf.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, to_port, told.clone()));
            }
        });
        Self { port, deaf }
    }

    fn deafen(&self) {
        self.deaf.send_modify(|times| *times += 1);
    }
}

async fn pass(client: TcpStream, to_port: u16, mut deaf: watch::Receiver<u32>) {
    deaf.mark_unchanged();
    let server = TcpStream::connect(("127.0.0.1", to_port)).await;
    let (mut from_server, mut to_server) = server.expect("it is there").into_split();
    let (mut from_client, mut to_client) = client.into_split();
    let mut first = [0; 512];
    let length = from_client.read(&mut first).await.unwrap_or_default();
    // Only who wants to hear messages asks for the third version of the protocol.
    let hears_messages = first[..length].windows(5).any(|it| it == b"HELLO");
    let speaking = async {
        to_server.write_all(&first[..length]).await?;
        copy(&mut from_client, &mut to_server).await
    };
    let hearing = async {
        tokio::select! {
            end = copy(&mut from_server, &mut to_client) => end.map(|_| ()),
            _ = deaf.changed(), if hears_messages => std::future::pending().await,
        }
    };
    // The first to end takes the other with it.
    tokio::select! {
        _ = speaking => {}
        _ = hearing => {}
    }
}
