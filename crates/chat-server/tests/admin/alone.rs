//! One server, in this process.

use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Server, token};

const WITHOUT_LIMITS: &[(&str, &str)] = &[
    ("CHAT_LIMITS__CONNECTIONS_PER_USER", "0"),
    ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "0"),
    ("CHAT_LIMITS__ROOMS_PER_SOCKET", "0"),
    ("CHAT_LIMITS__EVENT_BURST", "0"),
    ("CHAT_LIMITS__MESSAGE_BURST", "0"),
    ("CHAT_LIMITS__JOIN_BURST", "0"),
];

const LOOKS: [&str; 6] = [
    "nodes",
    "rooms",
    "rooms/g",
    "users/ada/sessions",
    "messages/01900000-0000-7000-8000-000000000000/trace",
    "stats",
];
const ACTS: [(&str, &str); 3] = [
    ("DELETE", "users/ada/sessions"),
    ("DELETE", "users/ada/sessions/12345678-0"),
    ("POST", "drain"),
];

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    let ids = items.map(|room| room["groupId"].as_str().unwrap().to_owned());
    ids.collect()
}

/// Every page of a list of rooms, put together.
async fn pages(server: &Server, query: &str) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("rooms?{query}{cursor}");
        let page = server.admin("GET", &path, Value::Null).await;
        all.extend(ids(&page));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn whoever_has_not_the_key_sees_and_does_nothing() {
    let server = Server::start(&[]).await;
    let ada = token("ada", 60);
    let looks = LOOKS.map(|path| ("GET", path));

    for (method, path) in looks.into_iter().chain(ACTS) {
        for key in ["", "a guess", &ADMIN_KEY[1..], &ada] {
            let path = format!("admin/{path}");
            let asked = server.http(method, &path, key, Value::Null);
            let (status, body) = asked.await;
            assert_eq!(
                (status, &body["error"]["code"]),
                (401, &json!("UNAUTHORIZED"))
            );
        }
    }

    assert!(server.connect("ada").await.drain().await.is_empty());
}

#[tokio::test]
async fn hundreds_of_rooms_are_sorted_and_paged() {
    let server = Server::start(WITHOUT_LIMITS).await;
    let names: Vec<String> = (0..230).map(|room| format!("r-{room:03}")).collect();
    let mut ada = server.connect("ada").await;
    for name in &names {
        server.group(name, &["ada", "ben", "eve"]).await;
        ada.call("join_group", json!(name)).await;
    }
    let mut ben = server.connect("ben").await;
    for name in names.iter().skip(200) {
        ben.call("join_group", json!(name)).await;
    }
    let mut other = server.connect("ada").await;
    other.call("join_group", json!("r-007")).await;
    let _eve = server.join("eve", "r-229").await;

    assert_eq!(pages(&server, "sort=id&limit=100").await, names);
    let by_users = pages(&server, "limit=7").await;
    let mut expected = vec!["r-229".to_owned()];
    expected.extend_from_slice(&names[200..229]);
    expected.extend_from_slice(&names[..200]);
    assert_eq!(by_users, expected);
    let by_sockets = pages(&server, "sort=sockets&limit=100").await;
    expected.retain(|name| name != "r-007");
    expected.insert(1, "r-007".to_owned());
    assert_eq!(by_sockets, expected);
    assert_eq!(
        pages(&server, "sort=id&prefix=r-22&limit=3").await,
        names[220..]
    );

    let first = server.admin("GET", "rooms?limit=1", Value::Null).await;
    let room = &first["items"][0];
    assert_eq!(
        (&room["users"], &room["sockets"], &room["typing"]),
        (&json!(3), &json!(3), &json!(0))
    );
    assert_eq!(room["nodes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_said_in_a_room_is_its_rate() {
    let server = Server::start(WITHOUT_LIMITS).await;
    server.group("loud", &["ada"]).await;
    server.group("quiet", &["ada"]).await;
    let mut ada = server.join("ada", "loud").await;
    ada.call("join_group", json!("quiet")).await;

    loop {
        ada.call("send_message", json!({"groupId": "loud", "content": "x"}))
            .await;
        let rooms = server.admin("GET", "rooms?sort=rate", Value::Null).await;
        let rate = |room: usize| rooms["items"][room]["messagesPerSecond"].as_f64().unwrap();
        if rate(0) > 0.0 {
            assert_eq!(
                (ids(&rooms), rate(1)),
                (vec!["loud".to_owned(), "quiet".to_owned()], 0.0)
            );
            return;
        }
    }
}

#[tokio::test]
async fn hostile_values_are_refused() {
    let server = Server::start(&[]).await;
    server.group("g", &["ada"]).await;
    let _ada = server.join("ada", "g").await;
    let of_members = "dXNlcjphZGE";

    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("sort=name", "sort"),
        ("prefix=", "prefix"),
        ("prefix=a%20b", "prefix"),
        ("prefix=%00", "prefix"),
        ("cursor=x", "cursor"),
        (&format!("cursor={of_members}"), "cursor"),
        ("sort=id&cursor=cm9vbXM6dToxOmc", "cursor"),
    ] {
        let path = format!("admin/rooms?{query}");
        let asked = server.http("GET", &path, ADMIN_KEY, Value::Null);
        let (status, body) = asked.await;
        assert_eq!(
            (status, &body["error"]["details"][0]["field"]),
            (422, &json!(field)),
            "{query}"
        );
    }
    for since in ["", "now", "1", "1969-01-01T00:00:00Z"] {
        let path = format!("admin/stats?since={since}");
        let (status, _) = server.http("GET", &path, ADMIN_KEY, Value::Null).await;
        assert_eq!(status, 422, "{since}");
    }
    for path in ["rooms/nobody", "rooms/a%20b", "users/a%20b/sessions"] {
        let of_admin = format!("admin/{path}");
        let asked = server.http("GET", &of_admin, ADMIN_KEY, Value::Null);
        assert_eq!(asked.await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_room_is_shown_with_pages_of_who_is_in_it() {
    let server = Server::start(WITHOUT_LIMITS).await;
    server.group("g", &["ada", "ben", "eve"]).await;
    let mut clients = Vec::new();
    for user in ["ada", "ben", "eve", "eve"] {
        clients.push(server.join(user, "g").await);
    }

    let first = server.admin("GET", "rooms/g?limit=2", Value::Null).await;
    let next = first["nextCursor"].as_str().unwrap();
    let path = format!("rooms/g?limit=2&cursor={next}");
    let last = server.admin("GET", &path, Value::Null).await;

    assert_eq!((&first["users"], &first["sockets"]), (&json!(3), &json!(4)));
    assert_eq!(first["nodes"][0]["sockets"], 4);
    assert_eq!(first["online"], json!(["ada", "ben"]));
    assert_eq!(
        (&last["online"], &last["nextCursor"]),
        (&json!(["eve"]), &Value::Null)
    );
}

#[tokio::test]
async fn one_of_several_connections_of_a_user_is_ended() {
    let server = Server::start(&[]).await;
    let (mut first, mut second) = (server.connect("ada").await, server.connect("ada").await);

    let sessions = server.admin("GET", "users/ada/sessions", Value::Null).await;
    let name = sessions["items"][0]["session"].as_str().unwrap();
    let path = format!("users/ada/sessions/{name}");
    let receipt = server.admin("DELETE", &path, Value::Null).await;

    assert_eq!(
        (&sessions["count"], &receipt["sessionsClosed"]),
        (&json!(2), &json!(1))
    );
    let last = first.wait_for("session_closed").await;
    assert_eq!(last["code"], "EVICTED");
    assert!(second.drain().await.is_empty(), "the other one goes on");
    let of_ben = format!("users/ben/sessions/{name}");
    let receipt = server.admin("DELETE", &of_ben, Value::Null).await;
    assert_eq!(receipt["sessionsClosed"], 0, "it is not his");
}

#[tokio::test]
async fn a_message_that_nobody_else_could_have_was_published_to_nobody() {
    let server = Server::start(&[]).await;
    server.group("g", &["ada", "ben"]).await;
    let mut ada = server.join("ada", "g").await;
    let _tab = server.join("ada", "g").await;

    let said = json!({"groupId": "g", "content": "a secret"});
    let heard = ada.call("send_message", said.clone()).await;
    let unheard = server
        .http("POST", "groups/g/messages", &token("ben", 60), said)
        .await;
    let trace = async |id: &Value| {
        let path = format!("messages/{}/trace", id.as_str().unwrap());
        server.admin("GET", &path, Value::Null).await
    };
    let (heard, unknown) = (
        trace(&heard["id"]).await,
        server.http(
            "GET",
            "admin/messages/01900000-0000-7000-8000-000000000000/trace",
            ADMIN_KEY,
            Value::Null,
        ),
    );

    assert_eq!(unheard.0, 201);
    assert_eq!(trace(&unheard.1["id"]).await["seq"], 2);
    assert!(heard["committed"].is_object() && heard["published"].is_null());
    let [delivered] = &heard["delivered"].as_array().unwrap()[..] else {
        panic!("{heard}")
    };
    assert_eq!(
        (&delivered["sockets"], &delivered["how"]),
        (&json!(2), &json!("live"))
    );
    assert!(!heard.to_string().contains("secret"));
    let sentence = unknown.await.1["error"]["message"].to_string();
    assert!(sentence.contains("the last 10000"), "{sentence}");
}

#[tokio::test]
async fn a_node_says_what_it_does_at_the_moment() {
    let server = Server::start(WITHOUT_LIMITS).await;
    server.group("g", &["ada"]).await;
    let mut ada = server.join("ada", "g").await;

    let node = loop {
        ada.call("send_message", json!({"groupId": "g", "content": "x"}))
            .await;
        let mut nodes = server.admin("GET", "nodes", Value::Null).await;
        let node = nodes["nodes"][0].take();
        if node["messagesPerSecond"].as_f64() > Some(0.0) {
            break node;
        }
    };

    let figure = |name: &str| node[name].as_f64().unwrap();
    assert!(figure("eventsPerSecond") >= figure("messagesPerSecond"));
    assert!(figure("deliveriesPerSecond") >= figure("messagesPerSecond"));
    assert!(node["uptimeSeconds"].is_u64());
}

#[tokio::test]
async fn a_node_stops_as_it_is_asked_to() {
    let server = Server::start(&[]).await;
    let mut ada = server.connect("ada").await;
    let drain = async |query: &str, body: Value| {
        let path = format!("admin/drain{query}");
        server.http("POST", &path, ADMIN_KEY, body).await
    };

    let elsewhere = drain(&format!("?node={:032}", 7), Value::Null).await;
    let (status, begun) = drain("", json!({"graceMs": 1_500})).await;
    let closed = ada.wait_for("session_closed").await;
    server.ended().await;

    assert_eq!(elsewhere.0, 404, "nobody stops");
    assert_eq!((status, &begun["graceMs"]), (202, &json!(1_500)));
    assert_eq!(
        (&closed["code"], &closed["reconnect"]),
        (&json!("SERVER_SHUTDOWN"), &json!(true))
    );
}
