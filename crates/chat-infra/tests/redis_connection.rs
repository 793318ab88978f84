//! A Redis that is there, that is away, and that comes and goes.

use std::time::{Duration, Instant};

use chat_infra::redis::{
    address::Address,
    connection::{ANSWER_WITHIN, Connection, Trouble},
    server::{Duty, Unfit},
};
use chat_testkit::redis::{RedisCluster, RedisServer, RedisUnderSentinels};
use fred::interfaces::KeysInterface;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

async fn open(url: &str) -> Connection {
    let address = Address::parse(url).expect("it is one");
    let opened = Connection::open(address, Duty::Presence).await;
    opened.expect("it will do")
}

async fn count(connection: &Connection) -> Result<i64, Trouble> {
    connection
        .ask(|redis| async move { redis.incr("count").await })
        .await
}

async fn until_up(connection: &Connection, is_up: bool) {
    let mut watching = connection.watch();
    let waiting = watching.wait_for(|life| life.is_some() == is_up);
    let seen = timeout(PATIENCE, waiting).await;
    seen.expect("in time").expect("somebody looks after it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_there_answers() {
    let server = RedisServer::start().await;

    let connection = open(&server.url()).await;

    assert!(connection.is_up());
    assert_eq!(count(&connection).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_starts_without_its_redis_and_heals() {
    let mut server = RedisServer::start().await;
    server.kill();

    let connection = open(&server.url()).await;
    assert!(!connection.is_up());
    assert!(matches!(count(&connection).await, Err(Trouble::Away(_))));

    server.restart_empty().await;
    until_up(&connection, true).await;
    assert_eq!(count(&connection).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_killed_is_found_again() {
    let mut server = RedisServer::start().await;
    let connection = open(&server.url()).await;

    server.kill();
    until_up(&connection, false).await;
    assert!(matches!(count(&connection).await, Err(Trouble::Away(_))));

    server.restart_empty().await;
    until_up(&connection, true).await;
    assert_eq!(count(&connection).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_redis_that_says_nothing_it_is_soon_known_and_nobody_waits_any_more() {
    let server = RedisServer::start().await;
    let connection = open(&server.url()).await;

    server.pause();
    let asked_at = Instant::now();
    assert!(matches!(count(&connection).await, Err(Trouble::Late)));
    let waited = asked_at.elapsed();
    until_up(&connection, false).await;
    assert!(matches!(count(&connection).await, Err(Trouble::Away(_))));
    server.resume();
    until_up(&connection, true).await;

    // What was given up may have been done all the same, once.
    assert!(count(&connection).await.unwrap() <= 2);
    assert!(waited < 2 * ANSWER_WITHIN, "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_refuses_is_no_outage() {
    let server = RedisServer::start().await;
    let connection = open(&server.url()).await;
    server.ask(&["SADD", "count", "1"]);

    for _ in 0..10 {
        assert!(matches!(count(&connection).await, Err(Trouble::Failed(_))));
    }

    assert!(connection.is_up());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_used() {
    let server = RedisServer::start_with(&["requirepass s3cret"]).await;
    let port = server.port();

    let with = open(&format!("redis://:s3cret@127.0.0.1:{port}")).await;
    let without = open(&server.url()).await;

    assert!(with.is_up());
    assert!(!without.is_up());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_life_has_its_number_and_its_server() {
    let mut server = RedisServer::start().await;
    let connection = open(&server.url()).await;
    let first = connection.watch().borrow().clone().unwrap();

    server.kill();
    until_up(&connection, false).await;
    server.restart().await;
    until_up(&connection, true).await;

    let second = connection.watch().borrow().clone().unwrap();
    assert_ne!(first.number, second.number);
    assert_ne!(first.server.run_id(), second.server.run_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_may_evict_keys_is_known_as_such_and_used() {
    let settings = ["maxmemory 64mb", "maxmemory-policy allkeys-lru"];
    let server = RedisServer::start_with(&settings).await;

    let connection = open(&server.url()).await;

    let life = connection.watch().borrow().clone().unwrap();
    assert_eq!(life.server.eviction(), Some("allkeys-lru"));
    assert_eq!(count(&connection).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heir_of_a_master_is_found() {
    let mut redis = RedisUnderSentinels::start().await;
    let connection = open(&redis.url()).await;
    assert_eq!(count(&connection).await.unwrap(), 1);

    redis.fail_over().await;

    let healed = async {
        while count(&connection).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, healed).await.expect("it is found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_refused_for_presence_and_will_do_for_the_bus() {
    let cluster = RedisCluster::start().await;
    let one_of_them = Address::parse(&cluster.servers[0].url()).unwrap();
    let all_of_them = Address::parse(&cluster.url()).unwrap();

    for address in [one_of_them, all_of_them.clone()] {
        let opened = Connection::open(address, Duty::Presence).await;
        assert_eq!(opened.err(), Some(Unfit::Cluster));
    }
    let bus = Connection::open(all_of_them, Duty::Bus).await.unwrap();
    assert!(bus.is_up());
}
