//! Presence over a real Redis, when nodes die and Redis does: each fault with the bound that it is survived in.

mod fleet;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chat_domain::{
    id::{GroupId, NodeId, SocketId, UserId},
    news::Notice,
    ports::{Admission, ConnectionLedger, Listener, PresenceStore, WhenFull},
    service::Shared,
};
use chat_infra::redis::leases::Leases;
use chat_testkit::{
    redis::{RedisServer, RedisUnderSentinels},
    relay::Relay,
};

use self::fleet::{
    connect,
    live::{FAST, Live, LiveFleet, families, until},
    truth, user_id,
};

const NOBODY: [Vec<String>; 0] = [];

fn nothing(nodes: usize) -> Vec<Vec<String>> {
    vec![Vec::new(); nodes]
}

/// Sixty users of two rooms at three nodes, of whom ten are at two nodes; nothing of it is told later.
async fn busy_fleet(url: &str, leases: Leases) -> LiveFleet {
    let mut fleet = LiveFleet::start(url, 3, &["tea", "milk"], leases).await;
    for number in 0..60 {
        let (user, socket) = (format!("u{number}"), format!("s{number}"));
        let room = if number % 2 == 0 { "tea" } else { "milk" };
        fleet.join(number % 3, room, &user, &socket).await;
        if number % 6 == 0 {
            fleet
                .join((number + 1) % 3, room, &user, &format!("t{number}"))
                .await;
        }
    }
    everybody_has_heard(&fleet).await;
    fleet
}

async fn everybody_has_heard(fleet: &LiveFleet) {
    for room in ["tea", "milk"] {
        let there = fleet
            .sockets
            .values()
            .filter(|socket| socket.rooms.contains(room));
        let there: BTreeSet<String> = there.map(|socket| socket.user.clone()).collect();
        for node in &fleet.nodes {
            until("everybody has heard", async || {
                let shown: BTreeSet<String> = node
                    .views
                    .shown(&fleet::room_id(room))
                    .into_iter()
                    .collect();
                shown == there
            })
            .await;
        }
    }
    fleet.told();
}

#[tokio::test]
async fn the_keys_are_those_of_the_contract_and_none_is_left_in_the_end() {
    let server = RedisServer::start().await;
    let mut fleet = LiveFleet::start(&server.url(), 2, &["tea"], FAST).await;

    fleet.join(0, "tea", "ada", "a").await;
    fleet.join(1, "tea", "ada", "b").await;
    let connection = &fleet.nodes[0].connection;
    let stored: Vec<_> = families(truth::stored(connection).await)
        .into_iter()
        .collect();
    fleet.leave(0, "tea", "a").await;
    fleet.leave(1, "tea", "b").await;

    let set = |key: &str, members: &[&str]| {
        let members = members
            .iter()
            .map(ToString::to_string)
            .collect::<BTreeSet<_>>();
        (key.to_owned(), members)
    };
    let expected = [
        set("room:tea:users", &["ada"]),
        set("user:ada:rooms", &["tea"]),
        set("user:ada:sockets:tea", &["a", "b"]),
    ];
    assert_eq!(stored, expected);
    let left = server.ask(&["KEYS", "*"]);
    let mut left: Vec<&str> = left.lines().collect();
    left.sort_unstable();
    assert_eq!(
        left,
        ["chat:announced", "chat:epoch", "chat:nodes", "chat:pv"]
    );
}

#[tokio::test]
async fn the_users_of_a_node_that_was_killed_leave_once_and_nothing_of_it_stays() {
    let server = RedisServer::start().await;
    let mut fleet = busy_fleet(&server.url(), FAST).await;
    let gone: BTreeSet<String> = fleet
        .sockets
        .values()
        .filter(|socket| socket.node == fleet.nodes[2].id.to_string())
        .map(|socket| socket.user.clone())
        .collect();

    fleet.kill(2);
    // Who is back before anybody noticed neither leaves nor comes.
    fleet.join(0, "tea", "u2", "back").await;
    fleet.until_keys_are_exact(&fleet.nodes[0].connection).await;
    everybody_but_those_who_left(&fleet, &gone).await;

    let nodes = server.ask(&["ZCARD", "chat:nodes"]);
    assert_eq!(nodes, "2");
    assert_eq!(
        server.ask(&["KEYS", &format!("chat:node:{}:*", NodeId::new(3))]),
        ""
    );
}

/// Each of those who have no other socket has left, once, for everybody.
async fn everybody_but_those_who_left(fleet: &LiveFleet, gone: &BTreeSet<String>) {
    let stay: BTreeSet<&String> = fleet.sockets.values().map(|socket| &socket.user).collect();
    let left = gone.iter().filter(|user| !stay.contains(user)).count();
    for node in &fleet.nodes {
        let mut told = Vec::new();
        until("all have left", async || {
            told.extend(node.told());
            told.len() >= left
        })
        .await;
        let distinct: BTreeSet<&String> = told.iter().collect();
        assert_eq!((told.len(), distinct.len()), (left, left), "{told:?}");
        assert!(told.iter().all(|what| what.contains(" left ")), "{told:?}");
    }
}

#[tokio::test]
async fn a_flush_is_not_noticed_and_made_good_within_five_seconds() {
    let server = RedisServer::start().await;
    let fleet = busy_fleet(&server.url(), Leases::default()).await;

    server.ask(&["FLUSHALL"]);
    let took = fleet.until_keys_are_exact(&fleet.nodes[0].connection).await;
    fleet.until_exact().await;

    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(fleet.told(), nothing(3));
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_is_filled_again_and_nobody_was_said_to_have_gone() {
    let mut server = RedisServer::start().await;
    let mut fleet = busy_fleet(&server.url(), Leases::default()).await;

    server.kill();
    until("everybody knows", async || {
        fleet.nodes.iter().all(|node| !node.presence.is_exact())
    })
    .await;
    let start = Instant::now();
    fleet.join(0, "tea", "late", "l").await;
    fleet.leave(1, "milk", "s1").await;
    let waited = start.elapsed();
    let meanwhile = fleet.told();
    server.restart_empty().await;
    let back = Instant::now();
    let connection = connect(&server).await;
    fleet.until_keys_are_exact(&connection).await;
    fleet.until_exact().await;
    let took = back.elapsed();

    assert!(
        waited < Duration::from_secs(1),
        "nobody waits for it: {waited:?}"
    );
    let ours = |what: &str| vec![what.to_owned()];
    assert_eq!(
        meanwhile,
        [ours("late joined tea"), ours("u1 left milk"), Vec::new()]
    );
    assert!(took < Duration::from_secs(10), "{took:?}");
    let told = fleet.told();
    assert_eq!(told[0], ours("u1 left milk"));
    assert_eq!(told[1], ours("late joined tea"));
    assert_eq!(told[2], ["u1 left milk", "late joined tea"]);
}

#[tokio::test]
async fn ghosts_in_old_data_are_laid_before_anybody_sees_them() {
    let mut server = RedisServer::start().await;
    let mut fleet = busy_fleet(&server.url(), FAST).await;
    server.save();
    fleet.kill(2);
    fleet.join(0, "tea", "new", "n").await;
    fleet.until_keys_are_exact(&fleet.nodes[0].connection).await;
    everybody_has_heard(&fleet).await;

    server.kill();
    server.restart().await;
    let connection = connect(&server).await;
    until("everybody knows", async || {
        fleet.nodes.iter().all(|node| node.views.losses() > 0)
    })
    .await;
    fleet.until_keys_are_exact(&connection).await;
    fleet.until_exact().await;

    assert_eq!(fleet.told(), nothing(2));
}

#[tokio::test]
async fn a_redis_that_says_nothing_for_longer_than_a_lease_kills_nobody() {
    let server = RedisServer::start().await;
    let fleet = busy_fleet(&server.url(), FAST).await;

    server.pause();
    until("everybody knows", async || {
        fleet.nodes.iter().all(|node| !node.presence.is_exact())
    })
    .await;
    let since = Instant::now();
    until("all leases have run out", async || {
        since.elapsed() > FAST.lease
    })
    .await;
    server.resume();
    fleet.until_exact().await;
    fleet.until_keys_are_exact(&fleet.nodes[0].connection).await;

    assert_eq!(fleet.told(), nothing(3));
}

#[tokio::test]
async fn a_node_that_is_cut_off_leaves_for_the_others_and_comes_back() {
    let server = RedisServer::start().await;
    let relay = Relay::start(server.port());
    let near = Live::start(&server.url(), 1, &["tea"], FAST).await;
    let far = Live::start(&RedisServer::url_at(relay.port()), 2, &["tea"], FAST).await;
    near.enter("tea", "ada", "a").await;
    far.enter("tea", "bob", "b").await;
    until("near knows", async || {
        near.views.shown(&fleet::room_id("tea")).len() == 2
    })
    .await;
    near.told();
    far.told();

    relay.silence();
    let mut told = Vec::new();
    until("near says so", async || {
        told.extend(near.told());
        !told.is_empty()
    })
    .await;
    let frozen = far.views.shown(&fleet::room_id("tea"));
    let told_far = far.told();
    let entered = far.enter("tea", "cid", "c").await;
    relay.pass();
    until("far is back", async || far.presence.is_exact()).await;
    far.refresh().await;
    until("near says so", async || {
        told.extend(near.told());
        told.len() >= 3
    })
    .await;

    assert_eq!(frozen, ["ada", "bob"]);
    assert_eq!(told_far, NOBODY.concat());
    assert_eq!(entered, None);
    let mut back = told.split_off(1);
    back.sort();
    assert_eq!(told, ["bob left tea"]);
    assert_eq!(back, ["bob joined tea", "cid joined tea"]);
    assert_eq!(far.told(), ["cid joined tea"]);
}

#[tokio::test]
async fn the_heir_of_a_master_has_everybody_again() {
    let mut redis = RedisUnderSentinels::start().await;
    let fleet = busy_fleet(&redis.url(), FAST).await;

    redis.fail_over().await;
    until("everybody knows", async || {
        fleet.nodes.iter().all(|node| node.views.losses() > 0)
    })
    .await;
    fleet.until_exact().await;
    let connection = connect(&redis.servers[1]).await;
    fleet.until_keys_are_exact(&connection).await;

    assert_eq!(fleet.told(), nothing(3));
}

#[tokio::test]
async fn a_node_starts_without_redis_and_heals() {
    let mut server = RedisServer::start().await;
    server.kill();
    let mut fleet = LiveFleet::start(&server.url(), 1, &["tea"], FAST).await;
    let losses = fleet.nodes[0].views.losses();
    fleet.join(0, "tea", "ada", "a").await;

    server.restart_empty().await;
    fleet.until_exact().await;

    assert_eq!(losses, 1);
    let connection = connect(&server).await;
    fleet.until_keys_are_exact(&connection).await;
}

#[tokio::test]
async fn dead_subscriptions_cost_nobody_a_change() {
    let server = RedisServer::start().await;
    let mut fleet = busy_fleet(&server.url(), FAST).await;

    for round in 0..5 {
        server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        let user = format!("v{round}");
        fleet.join(round % 3, "tea", &user, &user).await;
        until("everybody learns it", async || {
            for node in &fleet.nodes {
                node.refresh().await;
            }
            let tea = fleet::room_id("tea");
            fleet
                .nodes
                .iter()
                .all(|node| node.views.shown(&tea).contains(&user))
        })
        .await;
    }

    let losses: usize = fleet.nodes.iter().map(|node| node.views.losses()).sum();
    assert_eq!(losses, 0, "the store was there all the time");
    for told in fleet.told() {
        assert_eq!(told.len(), 5, "{told:?}");
    }
}

#[tokio::test]
async fn a_redis_that_has_forgotten_the_scripts_is_told_them_again() {
    let server = RedisServer::start().await;
    let mut fleet = busy_fleet(&server.url(), FAST).await;

    server.ask(&["SCRIPT", "FLUSH"]);
    fleet.join(0, "tea", "new", "n").await;
    server.ask(&["SCRIPT", "FLUSH"]);
    fleet.leave(1, "milk", "s1").await;
    server.ask(&["SCRIPT", "FLUSH"]);
    fleet.kill(2);
    fleet.until_keys_are_exact(&fleet.nodes[0].connection).await;

    assert!(fleet.nodes.iter().all(|node| node.views.losses() == 0));
}

#[tokio::test]
async fn who_retires_leaves_nothing_behind() {
    let server = RedisServer::start().await;
    let mut fleet = busy_fleet(&server.url(), FAST).await;
    let user = user_id("ada");
    fleet.nodes[2]
        .ledger
        .admit(&user, &SocketId::new("x"), 5, WhenFull::Refuse)
        .await;

    let last = fleet.nodes.pop().unwrap();
    last.presence.retire().await.unwrap();
    let after = last.enter("tea", "ada", "too late").await;
    fleet
        .sockets
        .retain(|_, socket| socket.node != last.id.to_string());
    fleet.until_keys_are_exact(&last.connection).await;

    assert_eq!(after, None);
    assert_eq!(
        server.ask(&["ZSCORE", "chat:nodes", &last.id.to_string()]),
        ""
    );
    assert_eq!(server.ask(&["KEYS", "chat:user:*"]), "");
}

#[tokio::test]
async fn a_room_that_is_not_followed_keeps_nobody_waiting() {
    let server = RedisServer::start().await;
    let node = Live::start(&server.url(), 1, &["tea"], FAST).await;

    let start = Instant::now();
    for number in 0..20 {
        node.presence
            .enter(&fleet::seat("milk", "ada", &number.to_string()))
            .await
            .unwrap();
    }

    assert!(
        start.elapsed() < Duration::from_millis(300),
        "{:?}",
        start.elapsed()
    );
    let milk: GroupId = fleet::room_id("milk");
    assert_eq!(
        node.presence
            .snapshot(&milk)
            .await
            .unwrap()
            .counts()
            .sockets,
        20
    );
}

#[tokio::test]
async fn connections_of_the_dead_and_of_the_late_take_no_place() {
    let server = RedisServer::start().await;
    let near = Live::start(&server.url(), 1, &[], FAST).await;
    let far = Live::start(&server.url(), 2, &[], FAST).await;
    let ada = user_id("ada");
    let comes = async |node: &Live, socket: &str| {
        let socket = SocketId::new(socket);
        node.ledger.admit(&ada, &socket, 1, WhenFull::Refuse).await
    };
    assert_eq!(comes(&far, "a").await, Admission::Admitted);
    assert_eq!(comes(&near, "b").await, Admission::Refused);

    drop(far);
    until("there is a place", async || {
        comes(&near, "b").await == Admission::Admitted
    })
    .await;
    let reaped_yet = server.ask(&["ZCARD", "chat:nodes"]);
    server.ask(&["FLUSHALL"]);
    until("it is counted again", async || {
        server.ask(&["ZCARD", "chat:user:ada:connections"]) == "1"
    })
    .await;
    let third = Live::start(&server.url(), 3, &[], FAST).await;

    assert_eq!(reaped_yet, "2", "it was only late");
    assert_eq!(comes(&third, "c").await, Admission::Refused);
}

/// Whom a node is to put out.
#[derive(Default)]
struct Displaced(Mutex<Vec<(UserId, SocketId)>>);

impl Displaced {
    fn is(&self, user: &UserId, socket: &str) -> bool {
        let displaced = self.0.lock().expect("nobody panics with it");
        displaced.contains(&(user.clone(), SocketId::new(socket)))
    }
}

impl Listener for Displaced {
    fn hear(&self, notice: Notice) {
        if let Notice::Displaced(user, socket) = notice {
            self.0
                .lock()
                .expect("nobody panics with it")
                .push((user, socket));
        }
    }

    fn missed(&self) {}
    fn lost(&self, _: Shared) {}
    fn restored(&self, _: Shared) {}
}

#[tokio::test]
async fn a_connection_that_was_displaced_goes_though_nobody_said_so() {
    let server = RedisServer::start().await;
    let displaced = Arc::<Displaced>::default();
    let listener: Arc<dyn Listener> = Arc::clone(&displaced) as _;
    let near = Live::start_for(&server.url(), 1, &[], FAST, Arc::downgrade(&listener)).await;
    let far = Live::start(&server.url(), 2, &[], FAST).await;
    let (ada, [old, new]) = (user_id("ada"), ["old", "new"].map(SocketId::new));
    near.ledger.admit(&ada, &old, 1, WhenFull::Refuse).await;

    let admission = far.ledger.admit(&ada, &new, 1, WhenFull::EvictOldest).await;
    until("the node learns it", async || displaced.is(&ada, "old")).await;
    near.ledger.release(&ada, &old).await;

    assert_eq!(admission, Admission::AdmittedInsteadOf(vec![old]));
    assert!(!displaced.is(&ada, "new"));
    assert_eq!(server.ask(&["KEYS", "chat:node:*:displaced"]), "");
}

#[tokio::test]
async fn connections_that_were_ended_go_though_nobody_said_so() {
    let server = RedisServer::start().await;
    let displaced = Arc::<Displaced>::default();
    let listener: Arc<dyn Listener> = Arc::clone(&displaced) as _;
    let near = Live::start_for(&server.url(), 1, &[], FAST, Arc::downgrade(&listener)).await;
    let far = Live::start(&server.url(), 2, &[], FAST).await;
    let (ada, bob) = (user_id("ada"), user_id("bob"));
    let comes = async |user: &UserId, socket: &str| {
        let socket = SocketId::new(socket);
        near.ledger
            .admit(user, &socket, usize::MAX, WhenFull::Refuse)
            .await
    };
    for (user, socket) in [(&ada, "desk"), (&ada, "phone"), (&bob, "his")] {
        assert_eq!(comes(user, socket).await, Admission::Admitted);
    }

    far.ledger.end_all(&ada).await.unwrap();
    comes(&ada, "new").await;
    for socket in ["desk", "phone"] {
        until("the node learns it", async || displaced.is(&ada, socket)).await;
        near.ledger.release(&ada, &SocketId::new(socket)).await;
    }

    assert!(!displaced.is(&ada, "new"));
    assert!(!displaced.is(&bob, "his"));
    assert_eq!(server.ask(&["KEYS", "chat:node:*:displaced"]), "");
}

#[tokio::test]
async fn without_redis_each_node_counts_its_own_connections() {
    let mut server = RedisServer::start().await;
    let node = Live::start(&server.url(), 1, &[], FAST).await;
    let ada = user_id("ada");
    let comes = async |socket: &str, when_full| {
        let socket = SocketId::new(socket);
        node.ledger.admit(&ada, &socket, 2, when_full).await
    };
    assert_eq!(comes("z", WhenFull::Refuse).await, Admission::Admitted);

    server.kill();
    let answers = [
        comes("a", WhenFull::Refuse).await,
        comes("b", WhenFull::Refuse).await,
        comes("b", WhenFull::EvictOldest).await,
    ];
    server.restart_empty().await;
    until("they are counted there", async || {
        server.ask(&["ZCARD", "chat:user:ada:connections"]) == "2"
    })
    .await;

    let oldest = Admission::AdmittedInsteadOf(vec![SocketId::new("z")]);
    assert_eq!(answers, [Admission::Admitted, Admission::Refused, oldest]);
}
