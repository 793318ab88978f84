//! What is in the log, and what never is, whatever level of it is wanted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{net::IpAddr, time::Duration};

use chat_testkit::{chat_server::ChatServer, postgres::PostgresServer};
use serde_json::{Value, json};
use sqlx::{Executor, PgConnection};
use support::{ADMIN_KEY, Client, SECRET, Site, polling::Poller, token};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::sleep,
};
use tokio_tungstenite::tungstenite::Message;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// Where the clients come from, and what a proxy says of them.
const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 9));
const FORWARDED: &str = "203.0.113.77";

const LOOK_EVERY: Duration = Duration::from_millis(10);

const TEXT: &str = "the kettle sings";

/// A server process, and all that must not be in its log.
struct Scene {
    server: ChatServer,
    site: Site,
    unspeakable: Vec<String>,
}

impl Scene {
    async fn start(level: Option<&str>) -> Self {
        let mut settings = vec![("CHAT_HTTP__TRUSTED_PROXIES", "127.0.0.0/8")];
        settings.extend(level.map(|level| ("RUST_LOG", level)));
        let server = ChatServer::start(PROGRAM, &settings).await;
        let site = Site {
            address: server.address(),
        };
        let plain = [SECRET, ADMIN_KEY, TEXT, FORWARDED];
        let mut unspeakable: Vec<String> = plain.map(str::to_owned).to_vec();
        unspeakable.push(ADDRESS.to_string());
        Self {
            server,
            site,
            unspeakable,
        }
    }

    /// A token that must not be in the log, nor must its signature.
    fn token(&mut self, user: &str, seconds: i64) -> String {
        let token = token(user, seconds);
        let (_, signature) = token.rsplit_once('.').unwrap();
        self.unspeakable.push(signature.to_owned());
        token
    }

    async fn stream(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ADDRESS, 0).into()).unwrap();
        socket.connect(self.site.address).await.unwrap()
    }

    async fn open(&mut self, token: &str) -> Client {
        let address = self.site.address;
        let url =
            format!("ws://{address}/socket.io/?EIO=4&transport=websocket&token={token}&x={TEXT}");
        let url = url.replace(' ', "%20");
        let headers = [
            ("x-forwarded-for", FORWARDED),
            ("authorization", &format!("Bearer {token}")),
        ];
        let client = Client::over(self.stream().await, &url, &headers).await;
        let client = client.unwrap();
        self.unspeakable.push(client.sid.clone());
        client
    }

    async fn connect(&mut self, token: &str) -> Client {
        let mut client = self.open(token).await;
        client.send(&format!("40{}", json!({"token": token}))).await;
        let session = client.wait_after_connect("session").await;
        let socket = session["socketId"].as_str().unwrap();
        self.unspeakable.push(socket.to_owned());
        client
    }

    /// Asks over HTTP, and does not look at the answer.
    async fn ask(&self, method: &str, path: &str, token: &str, body: Value) {
        let url = format!("http://{}{path}", self.site.address);
        let request = http().request(method.parse().unwrap(), url);
        let request = request.bearer_auth(token).json(&body);
        request.send().await.unwrap().text().await.unwrap();
    }

    /// Everything that clients do, well and badly.
    async fn live(&mut self) {
        self.site.group("g", &["ada", "eve"]).await;
        let (adas, eves) = (self.token("ada", 3_600), self.token("eve", 3_600));
        let mut ada = self.connect(&adas).await;
        let mut eve = self.connect(&eves).await;
        for client in [&mut ada, &mut eve] {
            client.call("join_group", json!("g")).await;
        }
        self.chat(&mut ada).await;
        self.fail(&mut eve, &adas).await;
        drop(eve);
        self.poll(&eves).await;
        self.ask_everything(&adas).await;
        self.site
            .admin("DELETE", "users/ada/sessions", json!(null))
            .await;
        ada.closed().await;
    }

    async fn chat(&mut self, ada: &mut Client) {
        let fresh = self.token("ada", 7_200);
        ada.call("refresh_token", json!({"token": fresh})).await;
        let said = json!({"groupId": "g", "content": TEXT, "clientMessageId": "c-1"});
        for _ in 0..3 {
            ada.ask("send_message", said.clone()).await;
        }
        ada.ask("typing_start", json!({"groupId": "g"})).await;
        for event in ["get_room_info", "get_group_messages", "leave_group"] {
            ada.call(event, json!({"groupId": "g"})).await;
        }
    }

    async fn fail(&mut self, eve: &mut Client, other: &str) {
        let spoken =
            json!({"groupId": TEXT, "content": TEXT, "type": TEXT, "token": TEXT, "seq": TEXT});
        for event in ["join_group", "send_message", "mark_read", TEXT] {
            eve.ask(event, spoken.clone()).await;
        }
        eve.ask("refresh_token", json!({"token": other})).await;
        eve.send(&format!("40/{TEXT},{}", json!({"token": other})))
            .await;
        eve.send(&format!("42[\"{TEXT}\", \"{TEXT}")).await;
        eve.send(&format!("42{{\"{TEXT}\"")).await;
        eve.send_raw(Message::binary(TEXT.as_bytes().to_vec()))
            .await;
        for wrong in [self.token("eve", -60), format!("{other}x"), TEXT.to_owned()] {
            let mut client = self.open(&wrong).await;
            client.send(&format!("40{}", json!({"token": wrong}))).await;
            let answer = client.packet().await;
            assert!(answer.starts_with("44"), "{answer}");
        }
        let mut mute = self.open(other).await;
        mute.send(&format!("9{TEXT}")).await;
        mute.closed().await;
    }

    async fn poll(&mut self, eves: &str) {
        let mut poller = Poller::join_with(http(), &self.site, "eve", "g").await;
        self.unspeakable.push(poller.sid().to_owned());
        let said = json!(["send_message", {"groupId": "g", "content": TEXT}]);
        poller.post(format!("42{said}")).await;
        poller
            .read_until(|event, _| event == "message_received")
            .await;
        for socket in [poller.sid(), TEXT] {
            let path = format!("/socket.io/?EIO=4&transport=polling&sid={socket}&token={eves}");
            self.ask("POST", &path, eves, json!(TEXT)).await;
        }
        poller.ended().await;
    }

    async fn ask_everything(&mut self, adas: &str) {
        let said = json!({"content": TEXT, "name": TEXT, "description": TEXT, "userId": TEXT});
        let text = TEXT.replace(' ', "%20");
        for path in [
            "/api/v1/groups",
            "/api/v1/groups/g",
            "/api/v1/groups/g/messages",
            "/api/v1/groups/g/members",
            "/api/v1/admin/groups/g/messages",
            &format!("/api/v1/admin/groups/{text}/messages"),
            &format!("/api/v1/groups/{text}/messages?cursor={text}&token={adas}"),
            &format!("/{text}?{adas}"),
        ] {
            for method in ["GET", "POST", "PATCH", "PUT"] {
                self.ask(method, path, adas, said.clone()).await;
                self.ask(method, path, TEXT, said.clone()).await;
                self.ask(method, path, ADMIN_KEY, said.clone()).await;
            }
        }
    }

    async fn log(mut self) -> String {
        assert!(self.server.stop().await);
        let log = self.server.log();
        for word in self.unspeakable {
            let line = log.lines().find(|line| line.contains(&word));
            assert_eq!(line, None, "{word}");
        }
        log
    }
}

/// A client at [`ADDRESS`] behind a proxy.
fn http() -> reqwest::Client {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("x-forwarded-for", FORWARDED.parse().unwrap());
    let builder = reqwest::Client::builder().local_address(ADDRESS);
    builder.default_headers(headers).build().unwrap()
}

#[tokio::test]
async fn no_token_text_socket_or_address_is_in_the_log_at_any_level() {
    for level in [None, Some("trace")] {
        let mut scene = Scene::start(level).await;

        scene.live().await;

        let log = scene.log().await;
        assert!(log.contains("listening on"), "{log}");
        assert!(log.lines().all(|line| !line.contains("panic")), "{log}");
    }
}

/// What the audit log says.
fn acts_in(log: &str) -> Vec<&str> {
    let lines = log
        .lines()
        .filter(|line| line.contains(" INFO request{id="))
        .filter_map(|line| line.split_once(": audit: "));
    lines.map(|(_, act)| act).collect()
}

#[tokio::test]
async fn each_administrative_act_is_one_line_with_who_and_whom_and_the_outcome() {
    let mut server = ChatServer::start(PROGRAM, &[("RUST_LOG", "warn")]).await;
    let site = Site {
        address: server.address(),
    };
    let (ada, eve) = (token("ada", 60), token("eve", 60));
    let spoken = json!({"content": TEXT, "name": TEXT, "userId": "eve", "ownerId": "ada", "role": "ADMIN", "seq": 0});
    let acts = [
        ("PUT", "admin/users/eve", ADMIN_KEY),
        ("PUT", "admin/groups/g", ADMIN_KEY),
        ("PUT", "admin/groups/g/members/eve", ADMIN_KEY),
        ("POST", "admin/groups/g/messages", ADMIN_KEY),
        ("PUT", "admin/groups/g", "a guess"),
        ("DELETE", "admin/groups/a%20b/members/eve", ada.as_str()),
        ("PATCH", "groups/g/members/eve", &ada),
        ("POST", "groups/g/members", &eve),
        ("PATCH", "groups/g", &eve),
        ("POST", "groups/g/owner", &ada),
        ("DELETE", "groups/g/members/ada", &ada),
        ("DELETE", "groups/g", &eve),
        ("DELETE", "admin/groups/g/members/ben", ADMIN_KEY),
        ("DELETE", "admin/users/eve/sessions", ADMIN_KEY),
        // That is no administration.
        ("POST", "groups/g/messages", &eve),
        ("POST", "groups/g/read", &eve),
        ("GET", "groups/g/members", &eve),
    ];

    for (method, path, token) in acts {
        site.http(method, path, token, spoken.clone()).await;
    }
    assert!(server.stop().await);

    let log = server.log();
    let lines = acts_in(&log);
    let admin = r#"by="administrator""#;
    let path = |method: &str, path: &str| format!("{method} /api/v1/{path}");
    let (member, group) = ("groups/{groupId}/members/{userId}", "groups/{groupId}");
    assert_eq!(
        lines,
        [
            format!(
                r#"{} {admin} user="eve" status=200"#,
                path("PUT", "admin/users/{userId}")
            ),
            format!(
                r#"{} {admin} group="g" user="ada" role="OWNER" status=200"#,
                path("PUT", "admin/groups/{groupId}")
            ),
            format!(
                r#"{} {admin} group="g" user="eve" role="ADMIN" status=200"#,
                path("PUT", &format!("admin/{member}"))
            ),
            format!(
                r#"{} {admin} group="g" status=201"#,
                path("POST", "admin/groups/{groupId}/messages")
            ),
            format!(
                r#"{} by="nobody" group="g" status=401"#,
                path("PUT", "admin/groups/{groupId}")
            ),
            format!(
                r#"{} by="nobody" user="eve" status=401"#,
                path("DELETE", &format!("admin/{member}"))
            ),
            format!(
                r#"{} by="user ada" group="g" user="eve" role="ADMIN" status=200"#,
                path("PATCH", member)
            ),
            format!(
                r#"{} by="user eve" group="g" user="eve" role="ADMIN" status=403"#,
                path("POST", "groups/{groupId}/members")
            ),
            format!(
                r#"{} by="user eve" group="g" status=200"#,
                path("PATCH", group)
            ),
            format!(
                r#"{} by="user ada" group="g" user="eve" role="OWNER" status=200"#,
                path("POST", "groups/{groupId}/owner")
            ),
            format!(
                r#"{} by="user ada" group="g" user="ada" status=204"#,
                path("DELETE", member)
            ),
            format!(
                r#"{} by="user eve" group="g" status=204"#,
                path("DELETE", group)
            ),
            format!(
                r#"{} {admin} group="g" user="ben" status=204"#,
                path("DELETE", &format!("admin/{member}"))
            ),
            format!(
                r#"{} {admin} user="eve" status=200"#,
                path("DELETE", "admin/users/{userId}/sessions")
            ),
        ]
    );
    assert!(!log.contains(TEXT), "{log}");
}

#[tokio::test]
async fn what_the_administrator_only_looks_at_is_no_act_unless_it_is_refused() {
    let mut server = ChatServer::start(PROGRAM, &[]).await;
    let site = Site {
        address: server.address(),
    };
    for (path, key, expected) in [
        ("admin/nodes", ADMIN_KEY, 200),
        ("admin/users/eve/sessions", ADMIN_KEY, 200),
        ("admin/stats", ADMIN_KEY, 200),
        ("admin/nodes", "a guess", 401),
        ("admin/rooms/g", ADMIN_KEY, 404),
        ("admin/rooms?limit=0", ADMIN_KEY, 422),
    ] {
        let (status, _) = site.http("GET", path, key, Value::Null).await;
        assert_eq!(status, expected, "{path}");
    }
    assert!(server.stop().await);

    let admin = r#"by="administrator""#;
    assert_eq!(
        acts_in(&server.log()),
        [
            r#"GET /api/v1/admin/nodes by="nobody" status=401"#.to_owned(),
            format!(r#"GET /api/v1/admin/rooms/{{groupId}} {admin} group="g" status=404"#),
            format!("GET /api/v1/admin/rooms {admin} status=422"),
        ]
    );
}

#[tokio::test]
async fn each_line_names_the_connection_or_the_request_that_it_is_about() {
    let mut postgres = PostgresServer::start().await;
    let url = postgres.url();
    let settings = [
        ("CHAT_DATABASE__URL", &*url),
        ("CHAT_LOG__FORMAT", "json"),
        ("RUST_LOG", "warn"),
    ];
    let server = ChatServer::start(PROGRAM, &settings).await;
    let site = Site {
        address: server.address(),
    };
    site.group("g", &["ada"]).await;
    let mut ada = site.connect("ada").await;
    ada.call("join_group", json!("g")).await;
    postgres.kill();

    let said = json!({"groupId": "g", "content": TEXT});
    let refused = ada.ask("send_message", said).await;
    let asking = reqwest::Client::new()
        .get(format!("{}/api/v1/groups", server.url()))
        .bearer_auth(token("ada", 60))
        .header("x-request-id", "from-a-proxy");
    let answer = asking.send().await.unwrap();
    let unnamed = reqwest::get(format!("{}/healthz", server.url())).await;

    assert_eq!(refused["error"]["code"], "SERVICE_UNAVAILABLE");
    assert_eq!(answer.headers()["x-request-id"], "from-a-proxy");
    assert_eq!(unnamed.unwrap().headers()["x-request-id"].len(), 32);
    let log = server.log();
    let line = |text: &str| -> Value {
        let line = log.lines().find(|line| line.contains(text));
        serde_json::from_str(line.unwrap_or_else(|| panic!("no {text} in {log}"))).unwrap()
    };
    let event = line("a store failed during an event");
    assert_eq!(event["spans"][0]["name"], "connection");
    let name = event["spans"][0]["id"].as_str().unwrap();
    assert!(name.len() > 9 && name.as_bytes()[8] == b'-', "{name}");
    let request = line("a store failed during a request");
    let span = json!({"name": "request", "id": "from-a-proxy"});
    assert_eq!(request["spans"], json!([span]));
    assert_eq!(request["level"], "WARN");
}

#[tokio::test]
async fn an_act_is_finished_and_noted_although_who_asked_for_it_hangs_up() {
    let postgres = PostgresServer::start().await;
    let settings = [("CHAT_DATABASE__URL", postgres.url())];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let mut server = ChatServer::start(PROGRAM, &settings).await;
    let site = Site {
        address: server.address(),
    };
    site.group("g", &["ada", "eve"]).await;
    let mut holder = postgres.connect().await;
    let hold = "begin; lock table group_members in exclusive mode";
    holder.execute(hold).await.unwrap();

    let mut caller = TcpStream::connect(site.address).await.unwrap();
    let request = format!(
        "DELETE /api/v1/admin/groups/g/members/eve HTTP/1.1\r\nhost: a\r\n\
        authorization: Bearer {ADMIN_KEY}\r\n\r\n"
    );
    caller.write_all(request.as_bytes()).await.unwrap();
    let waiting = "select count(*) from pg_locks where not granted";
    while count(&mut holder, waiting).await == 0 {}
    caller.shutdown().await.unwrap();
    // The server hangs up too: it has noticed, while the act waits for the database.
    let mut answer = Vec::new();
    caller.read_to_end(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "");
    holder.execute("commit").await.unwrap();

    let line = r#"by="administrator" group="g" user="eve" status="#;
    while !server.log().contains(line) {
        sleep(LOOK_EVERY).await;
    }
    let log = server.log();
    assert!(log.contains(&format!("{line}204")), "{log}");
    let members = "select count(*) from group_members where user_id = 'eve'";
    assert_eq!(count(&mut holder, members).await, 0);
    assert!(server.stop().await);
}

async fn count(connection: &mut PgConnection, query: &'static str) -> i64 {
    let counted = sqlx::query_scalar(query).fetch_one(connection).await;
    counted.unwrap()
}
