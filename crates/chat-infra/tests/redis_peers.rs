//! Nodes ask each other, and name those that do not answer.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use chat_domain::id::NodeId;
use chat_infra::redis::{
    address::Address,
    connection::Connection,
    peers::{MOST_BYTES, RedisPeers, Replies, Responder},
    server::Duty,
    subscriber::Subscriber,
};
use chat_testkit::redis::RedisServer;

/// Leases that end then have not ended, and those that end at the other time have.
const FAR_AWAY: &str = "9000000000000";
const LONG_AGO: &str = "1";

/// Says what it was asked, with its own name in front; nothing to `?`, and too much to `!`.
struct Parrot(u8);

#[async_trait]
impl Responder for Parrot {
    async fn respond(&self, question: &[u8]) -> Option<Vec<u8>> {
        match question {
            b"?" => None,
            b"!" => Some(vec![self.0; MOST_BYTES + 1]),
            question => Some([&[self.0], question].concat()),
        }
    }
}

struct Node {
    peers: RedisPeers,
    _subscriber: Subscriber,
    _parrot: Arc<dyn Responder>,
}

fn id(name: u8) -> NodeId {
    NodeId::new(name.into())
}

fn lease(server: &RedisServer, node: NodeId, until: &str) {
    server.ask(&["ZADD", "chat:nodes", until, &node.to_string()]);
}

impl Node {
    /// A node with a lease.
    async fn start(server: &RedisServer, name: u8) -> Self {
        let address = Address::parse(&server.url()).expect("it is one");
        let connection = Connection::open(address, Duty::Presence).await;
        let subscriber = Subscriber::start(connection.expect("it will do")).await;
        let peers = RedisPeers::start(id(name), &subscriber).await;
        let parrot: Arc<dyn Responder> = Arc::new(Parrot(name));
        let responder: Weak<dyn Responder> = Arc::downgrade(&parrot);
        peers.attach(responder);
        lease(server, id(name), FAR_AWAY);
        Self {
            peers,
            _subscriber: subscriber,
            _parrot: parrot,
        }
    }

    async fn ask(&self, question: &[u8]) -> Replies {
        let mut replies = self.peers.ask(question).await;
        replies.answers.sort_by_key(|(node, _)| *node);
        replies
    }
}

#[tokio::test]
async fn all_with_a_lease_answer_and_whoever_does_not_is_named() {
    let server = RedisServer::start().await;
    let one = Node::start(&server, 1).await;
    let _others = [Node::start(&server, 2).await, Node::start(&server, 3).await];
    let question = [0, b':', 255];

    let all = one.ask(&question).await;
    lease(&server, id(4), FAR_AWAY);
    lease(&server, id(5), LONG_AGO);
    lease(&server, id(6), "no number");
    server.ask(&["ZADD", "chat:nodes", FAR_AWAY, "no node"]);
    let with_dead = one.ask(&question).await;

    let answers = [2, 3].map(|name| (id(name), vec![name, 0, b':', 255]));
    let expected = |silent: &[NodeId]| Replies {
        answers: answers.to_vec(),
        silent: silent.to_vec(),
    };
    assert_eq!(all, expected(&[]));
    assert_eq!(with_dead, expected(&[id(4)]));
}

#[tokio::test]
async fn who_does_not_understand_or_says_too_much_was_silent() {
    let server = RedisServer::start().await;
    let one = Node::start(&server, 1).await;
    let _other = Node::start(&server, 2).await;

    for question in [&b"?"[..], b"!", &vec![0; MOST_BYTES + 1]] {
        let replies = one.ask(question).await;
        assert_eq!((replies.answers.len(), replies.silent), (0, vec![id(2)]));
    }
}

#[tokio::test]
async fn what_is_no_letter_changes_nothing() {
    let server = RedisServer::start().await;
    let one = Node::start(&server, 1).await;
    let _other = Node::start(&server, 2).await;
    let answers = format!("chat:answers:{}", id(1));
    for wrong in [
        "",
        "::",
        "x:1:y",
        &format!("{}:9:y", id(2)),
        &format!("{}:-1:y", id(2)),
    ] {
        for channel in ["chat:ask", &answers] {
            server.ask(&["PUBLISH", channel, wrong]);
        }
    }

    let replies = one.ask(b"well?").await;

    assert_eq!(replies.answers, [(id(2), b"\x02well?".to_vec())]);
}

#[tokio::test]
async fn while_redis_is_away_those_are_silent_who_were_there_last() {
    let mut server = RedisServer::start().await;
    let one = Node::start(&server, 1).await;
    let _other = Node::start(&server, 2).await;
    let before = one.ask(b"well?").await;
    server.kill();

    let away = one.ask(b"well?").await;

    assert_eq!((before.answers.len(), before.silent.len()), (1, 0));
    assert_eq!((away.answers.len(), away.silent), (0, vec![id(2)]));
}
