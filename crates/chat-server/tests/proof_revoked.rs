//! Whoever is put out hears nothing of what is stored later, in whichever way and at whichever node.

mod support;

use std::{
    collections::HashMap,
    future::pending,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use chat_testkit::{
    chat_server::{ChatServer, WITHOUT_LIMITS},
    postgres::PostgresServer,
    proof::{Claim, Length},
    redis::RedisServer,
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use support::{ADMIN_KEY, Client, Site, named_token};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{interval, sleep},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

const NODES: usize = 3;
const SOCKETS_PER_USER: usize = 10;
const SEND_EVERY: Duration = Duration::from_millis(200);
/// What is sent when it is over.
const LAST: &str = "the last one";
/// Who is put out hears something before.
const MESSAGES_BEFORE: usize = 10;

/// What is in a room: somebody who sends, somebody who stays, and those who are put out.
struct Room {
    sending: JoinHandle<Vec<Duration>>,
    staying: JoinHandle<Vec<usize>>,
    /// By user.
    leaving: HashMap<String, Vec<JoinHandle<Vec<usize>>>>,
}

/// What all of them share.
#[derive(Clone)]
struct Stage {
    sites: Arc<[Site]>,
    start: Instant,
    over: watch::Sender<bool>,
    sent: watch::Sender<usize>,
}

/// How somebody is put out.
#[derive(Clone, Copy)]
enum Way {
    Removed,
    SessionsEnded,
    TokenRevoked,
}

impl Way {
    const ALL: [Self; 3] = [Self::Removed, Self::SessionsEnded, Self::TokenRevoked];

    fn request(self, group: &str, user: &str) -> (Method, String) {
        match self {
            Self::Removed => (Method::DELETE, format!("groups/{group}/members/{user}")),
            Self::SessionsEnded => (Method::DELETE, format!("users/{user}/sessions")),
            // Each user has one token, named after the user.
            Self::TokenRevoked => (Method::POST, format!("tokens/{user}/revoke")),
        }
    }
}

impl Stage {
    async fn room(&self, number: usize, users: usize) -> Room {
        let group = format!("g{number}");
        let (sender, witness) = (format!("sender{number}"), format!("witness{number}"));
        let users: Vec<String> = (0..users).map(|user| format!("u{number}-{user}")).collect();
        let mut members = vec![sender.as_str(), witness.as_str()];
        members.extend(users.iter().map(String::as_str));
        self.sites[0].group(&group, &members).await;

        let mut leaving = HashMap::new();
        for user in &users {
            let mut sockets = Vec::new();
            for socket in 0..SOCKETS_PER_USER {
                let token = named_token(user, user);
                sockets.push(self.listener(socket, &token, &group).await);
            }
            leaving.insert(user.clone(), sockets);
        }
        let staying = self.sites[(number + 1) % NODES]
            .join(&witness, &group)
            .await;
        let sending = self.sites[number % NODES].join(&sender, &group).await;
        Room {
            sending: tokio::spawn(self.clone().send(sending, group)),
            staying: tokio::spawn(listen(staying, pending())),
            leaving,
        }
    }

    /// Somebody who listens until it is over.
    async fn listener(&self, node: usize, token: &str, group: &str) -> JoinHandle<Vec<usize>> {
        let site = self.sites[node % NODES];
        let mut client = site.connect_with(token).await.expect("it is let in");
        client.call("join_group", json!(group)).await;
        let mut over = self.over.subscribe();
        tokio::spawn(async move {
            let is_over = async {
                let _ = over.wait_for(|over| *over).await;
            };
            listen(client, is_over).await
        })
    }

    /// Sends until it is over. Returns when each message was acknowledged, by its number.
    async fn send(self, mut client: Client, group: String) -> Vec<Duration> {
        let (mut pace, mut acked) = (interval(SEND_EVERY), Vec::new());
        loop {
            pace.tick().await;
            let is_last = *self.over.borrow();
            let content = if is_last { LAST } else { "hello" };
            let message = json!({"groupId": group, "content": content});
            client.call("send_message", message).await;
            client.take_heard();
            acked.push(self.start.elapsed());
            self.sent.send_modify(|sent| *sent += 1);
            if is_last {
                return acked;
            }
        }
    }

    /// Puts somebody out. Returns when that was asked for.
    async fn put_out(
        self,
        http: reqwest::Client,
        way: Way,
        group: String,
        user: String,
    ) -> Duration {
        let (method, path) = way.request(&group, &user);
        let url = format!("http://{}/api/v1/admin/{path}", self.sites[1].address);
        let asked = self.start.elapsed();
        let answer = http
            .request(method, url)
            .bearer_auth(ADMIN_KEY)
            .json(&json!({}))
            .send()
            .await;
        let answer = answer.expect("the server answers");
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        asked
    }
}

/// Listens until something happens, the last message comes, or the connection ends. Returns the numbers of the
/// messages that came.
async fn listen(mut client: Client, until: impl Future<Output = ()>) -> Vec<usize> {
    let (mut until, mut heard) = (pin!(until), Vec::new());
    loop {
        let packet = tokio::select! {
            packet = client.receive() => packet,
            () = &mut until => None,
        };
        let Some(packet) = packet else { return heard };
        let Some(message) = message(&packet) else {
            continue;
        };
        heard.push(message.seq);
        if message.content == LAST {
            return heard;
        }
    }
}

#[derive(Deserialize)]
struct Message {
    seq: usize,
    content: String,
}

fn message(packet: &str) -> Option<Message> {
    let (name, payload): (String, Value) = serde_json::from_str(packet.strip_prefix("42")?).ok()?;
    let message = (name == "message_received").then(|| Message::deserialize(payload));
    message.map(|message| message.expect("it is one"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_put_out_hears_nothing_that_is_stored_later() {
    let length = Length::asked();
    let (rooms, users) = length.pick((2, 3), (10, 10));
    // Bounded, it is about whether at all.
    let (within, rest) = length.pick((8, 10), (1, 5));
    let (within, rest) = (Duration::from_secs(within), Duration::from_secs(rest));
    let (redis, postgres) = (RedisServer::start().await, PostgresServer::start().await);
    let (redis, database) = (redis.url(), postgres.url());
    let shared = [
        ("CHAT_REDIS__URL", redis.as_str()),
        ("CHAT_DATABASE__URL", database.as_str()),
    ];
    let settings = [WITHOUT_LIMITS, &shared].concat();
    let mut servers = Vec::new();
    for _ in 0..NODES {
        servers.push(ChatServer::start(PROGRAM, &settings).await);
    }
    let site = |server: &ChatServer| Site {
        address: server.address(),
    };
    let stage = Stage {
        sites: servers.iter().map(site).collect(),
        start: Instant::now(),
        over: watch::Sender::new(false),
        sent: watch::Sender::new(0),
    };

    let mut playing = Vec::new();
    for number in 0..rooms {
        playing.push(stage.room(number, users).await);
    }
    let goal = *stage.sent.borrow() + rooms * MESSAGES_BEFORE;
    let mut sent = stage.sent.subscribe();
    sent.wait_for(|sent| *sent >= goal).await.expect("we send");
    let (http, mut putting_out) = (reqwest::Client::new(), JoinSet::new());
    let mut ways = Way::ALL.into_iter().cycle();
    for (number, room) in playing.iter().enumerate() {
        for (user, way) in room.leaving.keys().zip(&mut ways) {
            let (stage, http, user) = (stage.clone(), http.clone(), user.clone());
            putting_out.spawn(async move {
                let group = format!("g{number}");
                let asked = stage.put_out(http, way, group, user.clone()).await;
                (user, asked)
            });
        }
    }
    let put_out: HashMap<String, Duration> = putting_out.join_all().await.into_iter().collect();
    sleep(rest).await;
    stage.over.send_replace(true);

    let (mut sockets, mut latest) = (0, Duration::ZERO);
    for room in playing {
        let acked = room.sending.await.expect("it sends to the end");
        let stayed = room.staying.await.expect("it listens to the end");
        assert!((1..=acked.len()).eq(stayed), "who stays misses nothing");
        for (user, listening) in room.leaving {
            for heard in listening {
                let heard = heard.await.expect("it listens to the end");
                let last = *heard.last().expect("it heard something before");
                sockets += 1;
                latest = latest.max(acked[last - 1].saturating_sub(put_out[&user]));
            }
        }
    }
    let measured = format!(
        "{sockets} sockets; the last message that one of them got was acknowledged {} ms after the request",
        latest.as_millis(),
    );
    println!("{measured}");
    Claim::Revoked.measured(length, latest <= within, &measured);
    assert!(latest <= within, "{measured}");
}
