//! Three nodes on one PostgreSQL and one Redis.

use std::{cmp::Reverse, time::Duration};

use chat_testkit::{
    chat_server::{ChatServer, WITHOUT_LIMITS},
    postgres::PostgresServer,
    redis::RedisServer,
    relay::Relay,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use tokio::time::timeout;

use crate::support::{ADMIN_KEY, Client, Site, named_token};

/// Generous: a test waits for a condition, never for time.
const PATIENCE: Duration = Duration::from_secs(60);

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

struct Fleet {
    nodes: Vec<ChatServer>,
    redis: RedisServer,
    postgres: PostgresServer,
}

impl Fleet {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Three nodes with these settings.
    async fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut fleet = Self {
            nodes: Vec::new(),
            redis: RedisServer::start().await,
            postgres: PostgresServer::start().await,
        };
        for _ in 0..3 {
            fleet.add(settings).await;
        }
        fleet
    }

    async fn add(&mut self, settings: &[(&str, &str)]) {
        let (database, redis) = (self.postgres.url(), self.redis.url());
        let shared = [
            ("CHAT_DATABASE__URL", &*database),
            ("CHAT_REDIS__URL", &redis),
        ];
        let settings = [&shared, settings].concat();
        self.nodes.push(ChatServer::start(PROGRAM, &settings).await);
    }

    fn site(&self, node: usize) -> Site {
        let address = self.nodes[node].address();
        Site { address }
    }

    async fn look(&self, path: &str) -> Value {
        self.site(0).admin("GET", path, Value::Null).await
    }
}

fn len(list: &Value) -> usize {
    list.as_array().unwrap().len()
}

#[tokio::test]
async fn every_node_describes_itself_until_it_is_silent() {
    let fleet = Fleet::start().await;
    let _ada = fleet.site(1).connect("ada").await;

    let all = fleet.look("nodes").await;
    fleet.nodes[2].pause();
    let some = fleet.look("nodes").await;
    fleet.nodes[2].resume();

    assert_eq!((len(&all["nodes"]), len(&all["silent"])), (3, 0), "{all}");
    let nodes = all["nodes"].as_array().unwrap().iter();
    let connections: u64 = nodes
        .map(|node| node["connections"].as_u64().unwrap())
        .sum();
    assert_eq!(connections, 1);
    let first = &all["nodes"][0];
    assert_eq!(
        (&first["draining"], &first["degraded"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    assert!(first["residentMemoryBytes"].as_u64().unwrap() > 1_000_000);
    assert_eq!(
        (len(&some["nodes"]), len(&some["silent"])),
        (2, 1),
        "{some}"
    );
    assert!(
        all.to_string()
            .contains(some["silent"][0].as_str().unwrap())
    );
}

#[tokio::test]
async fn rooms_are_those_of_all_nodes_each_once() {
    let fleet = Fleet::start().await;
    for group in ["a", "b"] {
        fleet.site(0).group(group, &["ada", "ben", "eve"]).await;
    }
    let _clients = [
        fleet.site(0).join("ada", "a").await,
        fleet.site(1).join("ben", "a").await,
        fleet.site(1).join("ada", "a").await,
        fleet.site(2).join("eve", "b").await,
    ];

    let rooms = fleet.look("rooms").await;
    let room = fleet.look("rooms/a").await;

    let shown = |room: &Value| {
        let nodes = room["nodes"].as_array().unwrap().iter();
        let mut sockets: Vec<u64> = nodes
            .map(|node| node["sockets"].as_u64().unwrap())
            .collect();
        sockets.sort_unstable();
        (
            room["users"].as_u64().unwrap(),
            room["sockets"].as_u64().unwrap(),
            sockets,
        )
    };
    assert_eq!(len(&rooms["items"]), 2, "{rooms}");
    assert_eq!(shown(&rooms["items"][0]), (2, 3, vec![1, 2]));
    assert_eq!(shown(&rooms["items"][1]), (1, 1, vec![1]));
    assert_eq!(
        (shown(&room), &room["online"]),
        ((2, 3, vec![1, 2]), &json!(["ada", "ben"]))
    );
}

#[tokio::test]
async fn sessions_are_listed_over_nodes_without_what_only_their_clients_know() {
    let fleet = Fleet::start().await;
    fleet.site(0).group("g", &["ada"]).await;
    let clients = [
        fleet.site(0).join("ada", "g").await,
        fleet.site(2).connect("ada").await,
    ];

    let sessions = fleet.look("users/ada/sessions").await;

    assert_eq!(
        (&sessions["count"], len(&sessions["items"])),
        (&json!(2), 2),
        "{sessions}"
    );
    let items = || sessions["items"].as_array().unwrap().iter();
    let mut rooms: Vec<&Value> = items().map(|session| &session["rooms"]).collect();
    rooms.sort_by_key(|rooms| len(rooms));
    assert_eq!(rooms, [&json!([]), &json!(["g"])]);
    for session in items() {
        assert_eq!(session["transport"], "websocket");
        assert!(session["tokenExpiresAt"].as_str() > session["connectedAt"].as_str());
        let name = session["session"].as_str().unwrap();
        assert!(session["node"].as_str().unwrap().starts_with(&name[..8]));
    }
    let whole = sessions.to_string();
    for client in &clients {
        assert!(!client.sid.is_empty() && !whole.contains(&client.sid));
    }
    assert!(!whole.contains("127.0.0.1"));
}

#[tokio::test]
async fn receipts_say_who_ended_how_many_and_who_did_not_say() {
    let fleet = Fleet::start().await;
    let mut clients = vec![
        fleet.site(0).connect("ada").await,
        fleet.site(1).connect("ada").await,
        fleet.site(1).connect("ada").await,
    ];
    let late = fleet.site(2).connect("ada").await;
    fleet.nodes[2].pause();

    let site = fleet.site(0);
    let ended = site
        .admin("DELETE", "users/ada/sessions", Value::Null)
        .await;

    assert_eq!(ended["sessionsClosed"], 3, "{ended}");
    assert_eq!((len(&ended["nodes"]), len(&ended["silent"])), (2, 1));
    for client in clients.drain(..) {
        client.closed().await;
    }
    fleet.nodes[2].resume();
    late.closed().await;

    let held = fleet
        .site(1)
        .connect_with(&named_token("ben", "t-1"))
        .await
        .unwrap();
    let revoked = site.admin("POST", "tokens/t-1/revoke", json!({})).await;
    held.closed().await;
    let again = site.admin("POST", "tokens/t-1/revoke", json!({})).await;
    assert_eq!(
        (&revoked["sessionsClosed"], len(&revoked["nodes"])),
        (&json!(1), 3),
        "{revoked}"
    );
    assert_eq!(
        (&again["sessionsClosed"], len(&again["nodes"])),
        (&json!(0), 3),
        "{again}"
    );
}

#[tokio::test]
async fn one_node_is_drained_by_a_request_and_ends_well() {
    let mut fleet = Fleet::start().await;
    let ada = fleet.site(1).connect("ada").await;

    let drained = fleet.site(1).admin("POST", "drain", Value::Null).await;
    let last = ada.read_to_the_end().await.pop().unwrap();

    assert!(drained["node"].is_string());
    assert_eq!(last.1["code"], "SERVER_SHUTDOWN");
    assert!(fleet.nodes[1].ended().await);
    let nodes = fleet.look("nodes").await;
    assert_eq!(
        (len(&nodes["nodes"]), len(&nodes["silent"])),
        (2, 0),
        "{nodes}"
    );
}

#[tokio::test]
async fn a_message_is_traced_over_all_nodes_to_the_last_socket() {
    let fleet = Fleet::start().await;
    fleet.site(0).group("g", &["ada", "ben", "eve"]).await;
    let mut ada = fleet.site(1).join("ada", "g").await;
    let mut others = [
        fleet.site(2).join("ben", "g").await,
        fleet.site(2).join("ben", "g").await,
        fleet.site(2).join("eve", "g").await,
    ];

    let sent = ada
        .call("send_message", json!({"groupId": "g", "content": "x"}))
        .await;
    for other in &mut others {
        other.wait_for("message_received").await;
    }
    let id = sent["id"].as_str().unwrap();
    let path = format!("messages/{id}/trace");
    let looking = async {
        loop {
            let trace = fleet.look(&path).await;
            // What a client has received is noted right after that.
            if len(&trace["delivered"]) == 2 && trace["published"].is_object() {
                return trace;
            }
        }
    };
    let trace = timeout(PATIENCE, looking).await.unwrap();

    assert_eq!(
        (&trace["groupId"], &trace["seq"]),
        (&json!("g"), &sent["seq"])
    );
    assert_eq!(
        (&trace["messageId"], &trace["silent"]),
        (&json!(id), &json!([]))
    );
    let (committed, published) = (&trace["committed"], &trace["published"]);
    assert_eq!(committed["node"], published["node"]);
    assert!(committed["at"].as_str() <= published["at"].as_str());
    for delivery in trace["delivered"].as_array().unwrap() {
        let is_at_sender = delivery["node"] == committed["node"];
        assert_eq!(
            delivery["sockets"],
            if is_at_sender { 1 } else { 3 },
            "{trace}"
        );
        assert_eq!(delivery["how"], "live");
        assert!(delivery["at"].as_str() >= committed["at"].as_str());
    }
    for unknown in ["nothing", "01900000-0000-7000-8000-000000000000"] {
        let path = format!("admin/messages/{unknown}/trace");
        let site = fleet.site(0);
        let (status, _) = site.http("GET", &path, ADMIN_KEY, Value::Null).await;
        assert_eq!(status, 404, "{unknown}");
    }
}

#[tokio::test]
async fn figures_are_summed_up_over_nodes_and_go_on_from_where_one_has_looked() {
    let fleet = Fleet::start().await;
    fleet.site(0).group("g", &["ada", "ben"]).await;
    let mut ada = fleet.site(1).join("ada", "g").await;
    let _ben = fleet.site(2).join("ben", "g").await;

    let said = json!({"groupId": "g", "content": "x"});
    let looking = async {
        loop {
            ada.ask("send_message", said.clone()).await;
            let stats = fleet.look("stats").await;
            let mut items = stats["items"].as_array().unwrap().iter();
            let is_whole = |item: &&Value| {
                item["nodes"] == 3 && item["connections"] == 2 && !item["commitMs"].is_null()
            };
            if let Some(item) = items.rfind(is_whole) {
                return item.clone();
            }
        }
    };
    let item = timeout(PATIENCE, looking).await.unwrap();

    assert_eq!(
        (&item["rooms"], &item["usersInRooms"], &item["degraded"]),
        (&json!(1), &json!(2), &json!([])),
        "the room counts once: {item}"
    );
    let queues = item["queues"].as_object().unwrap().values();
    let waiting: u64 = queues.map(|queue| queue.as_u64().unwrap()).sum();
    assert_eq!(item["queueLength"], waiting);
    let figure = |name: &str| item[name].as_f64().unwrap();
    let messages = figure("messagesPerSecond");
    assert!(messages > 0.0 && figure("eventsPerSecond") >= messages);
    assert!(figure("deliveriesPerSecond") > messages);
    for name in ["commitMs", "deliveryMs"] {
        assert!(item[name]["p50"].as_f64() <= item[name]["p99"].as_f64());
    }
    let since = format!("stats?since={}", item["at"].as_str().unwrap());
    let later = fleet.look(&since).await;
    for other in later["items"].as_array().unwrap() {
        assert!(other["at"].as_str() > item["at"].as_str());
    }
    assert_eq!(
        len(&fleet.look("stats?since=9999-01-01T00:00:00Z").await["items"]),
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_had_to_read_a_message_says_so() {
    let mut fleet = Fleet::start().await;
    let relay = Relay::start(fleet.redis.port());
    let url = RedisServer::url_at(relay.port());
    fleet.add(&[("CHAT_REDIS__BUS_URL", &url)]).await;
    fleet.site(0).group("g", &["ada", "ben", "eve"]).await;
    let mut ada = fleet.site(0).join("ada", "g").await;
    let mut others = vec![fleet.site(1).join("ben", "g").await];
    for user in ["ben", "eve", "eve"] {
        others.push(fleet.site(3).join(user, "g").await);
    }
    let told = said(&mut ada, "told", &mut others).await;

    relay.silence();
    let read = said(&mut ada, "read", &mut others).await;
    relay.pass();

    let (told, read) = (whole(&fleet, &told).await, whole(&fleet, &read).await);
    assert_eq!(ways(&told), [(1, "live"), (1, "live"), (3, "live")]);
    assert_eq!(ways(&read), [(1, "live"), (1, "live"), (3, "repaired")]);
    assert_eq!(read["silent"], json!([]), "it can be asked all the same");
}

/// Says something, and waits until all others have it. Returns the message's id.
async fn said(speaker: &mut Client, text: &str, others: &mut [Client]) -> String {
    let said = json!({"groupId": "g", "content": text});
    let message = speaker.call("send_message", said).await;
    for other in others {
        while other.wait_for("message_received").await["content"] != text {}
    }
    message["id"].as_str().unwrap().to_owned()
}

/// The way of a message, when it has reached three nodes.
async fn whole(fleet: &Fleet, message: &str) -> Value {
    let path = format!("messages/{message}/trace");
    let looking = async {
        loop {
            let trace = fleet.look(&path).await;
            if len(&trace["delivered"]) == 3 && trace["published"].is_object() {
                return trace;
            }
        }
    };
    timeout(PATIENCE, looking).await.unwrap()
}

/// To how many sockets it went, and how, the fewest first.
fn ways(trace: &Value) -> Vec<(u64, &str)> {
    let delivered = trace["delivered"].as_array().unwrap().iter();
    let mut ways: Vec<_> = delivered
        .map(|it| (it["sockets"].as_u64().unwrap(), it["how"].as_str().unwrap()))
        .collect();
    ways.sort_unstable();
    ways
}

#[tokio::test]
async fn another_node_is_drained_and_who_comes_back_was_never_away() {
    let mut fleet = Fleet::start().await;
    fleet.site(0).group("g", &["ada", "ben"]).await;
    let mut ada = fleet.site(0).join("ada", "g").await;
    let mut ben = fleet.site(1).join("ben", "g").await;
    ada.wait_for("user_joined_group").await;
    let sessions = fleet.look("users/ben/sessions").await;
    let node = sessions["items"][0]["node"].as_str().unwrap();
    let path = format!("drain?node={node}");

    let begun = fleet.site(0).admin("POST", &path, Value::Null).await;
    let closed = ben.wait_for("session_closed").await;
    let _back = fleet.site(2).join("ben", "g").await;
    let is_well = fleet.nodes[1].ended().await;
    let moves = ada.drain().await.into_iter();

    assert_eq!(
        (&begun["node"], &begun["graceMs"]),
        (&json!(node), &json!(5_000))
    );
    assert_eq!(closed["code"], "SERVER_SHUTDOWN");
    assert!(is_well, "it ends as after SIGTERM");
    let moves: Vec<_> = moves
        .filter(|(event, _)| event.starts_with("user_"))
        .collect();
    assert_eq!(moves, []);
    let (site, path) = (fleet.site(0), format!("admin/{path}"));
    let again = site.http("POST", &path, ADMIN_KEY, Value::Null).await;
    assert_eq!(again.0, 404, "it is no longer there");
}

#[tokio::test]
async fn a_node_that_hangs_cannot_be_drained_and_that_is_said() {
    let fleet = Fleet::start().await;
    let _ada = fleet.site(1).connect("ada").await;
    let sessions = fleet.look("users/ada/sessions").await;
    let node = sessions["items"][0]["node"].as_str().unwrap();
    let path = format!("admin/drain?node={node}");

    fleet.nodes[1].pause();
    let site = fleet.site(0);
    let (status, _) = site.http("POST", &path, ADMIN_KEY, Value::Null).await;
    fleet.nodes[1].resume();

    assert_eq!(status, 503);
}

#[tokio::test]
async fn without_redis_a_node_answers_for_itself_and_names_the_others() {
    let mut fleet = Fleet::start().await;
    fleet.look("nodes").await;

    fleet.redis.kill();
    let looking = async {
        loop {
            let nodes = fleet.look("nodes").await;
            if nodes["nodes"][0]["degraded"] != json!([]) {
                return nodes;
            }
        }
    };
    let nodes = timeout(PATIENCE, looking).await.unwrap();
    let site = fleet.site(0);
    let (status, _) = site
        .http("DELETE", "admin/users/ada/sessions", ADMIN_KEY, Value::Null)
        .await;

    assert_eq!((len(&nodes["nodes"]), len(&nodes["silent"])), (1, 2));
    assert_eq!(status, 503, "those at other nodes may go on");
}

const ROOMS: usize = 2_000;

fn room(number: usize) -> String {
    format!("r-{number:04}")
}

/// How many of Ada's sockets are in that room, and whether Ben is there.
const fn crowd(number: usize) -> (usize, bool) {
    (1 + number % 3, number.is_multiple_of(10))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_rooms_over_three_nodes_are_one_sorted_list() {
    let fleet = Fleet::start_with(WITHOUT_LIMITS).await;
    stream::iter(0..ROOMS)
        .for_each_concurrent(16, async |number| {
            let site = fleet.site(number % 3);
            let (_, has_ben) = crowd(number);
            let members: &[&str] = if has_ben { &["ada", "ben"] } else { &["ada"] };
            site.group(&room(number), members).await;
        })
        .await;
    let mut adas = Vec::new();
    for node in 0..3 {
        adas.push(fleet.site(node).connect("ada").await);
    }
    let mut ben = fleet.site(1).connect("ben").await;
    for number in 0..ROOMS {
        let (sockets, has_ben) = crowd(number);
        for ada in &mut adas[..sockets] {
            ada.call("join_group", json!(room(number))).await;
        }
        if has_ben {
            ben.call("join_group", json!(room(number))).await;
        }
        for client in adas.iter_mut().chain([&mut ben]) {
            client.take_heard();
        }
    }

    for sort in ["sockets", "users", "id"] {
        let figure = |number: usize| match (sort, crowd(number)) {
            ("sockets", (sockets, has_ben)) => sockets + usize::from(has_ben),
            ("users", (_, has_ben)) => 1 + usize::from(has_ben),
            _ => 0,
        };
        let mut expected: Vec<usize> = (0..ROOMS).collect();
        expected.sort_by_key(|number| (Reverse(figure(*number)), *number));
        let expected: Vec<String> = expected.into_iter().map(room).collect();
        assert_eq!(all_rooms(&fleet, sort).await, expected, "by {sort}");
    }
    let some = fleet.look("rooms?sort=id&prefix=r-19&limit=100").await;
    assert_eq!(
        (len(&some["items"]), &some["nextCursor"]),
        (100, &Value::Null)
    );
    let full = fleet.look(&format!("rooms/{}", room(20))).await;
    assert_eq!((&full["users"], &full["sockets"]), (&json!(2), &json!(4)));
    let nodes = full["nodes"].as_array().unwrap().iter();
    let mut there: Vec<u64> = nodes.map(|it| it["sockets"].as_u64().unwrap()).collect();
    there.sort_unstable();
    assert_eq!(there, [1, 1, 2]);
}

/// Page by page, each from another node.
async fn all_rooms(fleet: &Fleet, sort: &str) -> Vec<String> {
    let (mut rooms, mut cursor) = (Vec::new(), String::new());
    for node in [0, 1, 2].into_iter().cycle() {
        let path = format!("rooms?sort={sort}&limit=100{cursor}");
        let page = fleet.site(node).admin("GET", &path, Value::Null).await;
        assert!(len(&page["items"]) <= 100 && page["silent"] == json!([]));
        let items = page["items"].as_array().unwrap().iter();
        rooms.extend(items.map(|it| it["groupId"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextCursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    rooms
}
