//! Requests of who may not, and requests that are none.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Attempts, Table, WITHOUT_LIMITS, Witness,
    support::{ADMIN_KEY, Server, token},
};

pub const ATTACKS: Table = &[
    ("a stranger: `GET /groups/{groupId}`", "404 NOT_FOUND"),
    ("a stranger: `PATCH /groups/{groupId}`", "404 NOT_FOUND"),
    ("a stranger: `DELETE /groups/{groupId}`", "404 NOT_FOUND"),
    ("a stranger: `GET …/members`", "404 NOT_FOUND"),
    (
        "a stranger: `POST …/members`, to let oneself in",
        "404 NOT_FOUND",
    ),
    ("a stranger: `PATCH …/members/{userId}`", "404 NOT_FOUND"),
    ("a stranger: `DELETE …/members/{userId}`", "404 NOT_FOUND"),
    ("a stranger: `POST …/owner`", "404 NOT_FOUND"),
    ("a stranger: `GET …/messages`", "404 NOT_FOUND"),
    ("a stranger: `POST …/messages`", "404 NOT_FOUND"),
    ("a stranger: `POST …/read`", "404 NOT_FOUND"),
    ("no token", "401 UNAUTHORIZED"),
    ("the administrator's key as a token", "401 UNAUTHORIZED"),
    ("a member gives himself a role", "403 FORBIDDEN"),
    ("a member takes the group over", "403 FORBIDDEN"),
    ("a member removes the owner", "403 FORBIDDEN"),
    ("a member adds somebody", "403 FORBIDDEN"),
    ("a member renames the group", "403 FORBIDDEN"),
    ("a member deletes the group", "403 FORBIDDEN"),
    ("the owner makes a second owner", "403 FORBIDDEN"),
    ("a message of the system's own kind", "422 VALIDATION_ERROR"),
    (
        "a reply to a message of another group",
        "422 VALIDATION_ERROR",
    ),
    ("a cursor of another list", "422 VALIDATION_ERROR"),
    ("a cursor that was made up", "422 VALIDATION_ERROR"),
    ("a page of a million", "422 VALIDATION_ERROR"),
    ("an id that leads elsewhere (`..%2F`)", "404 NOT_FOUND"),
    ("an id with SQL", "404 NOT_FOUND"),
    ("an id that is a pattern", "404 NOT_FOUND"),
    ("an id with a NUL", "404 NOT_FOUND"),
    ("an id that is no text", "404 NOT_FOUND"),
    ("an id of 5,000 characters", "404 NOT_FOUND"),
    ("`__proto__` as an id", "404 NOT_FOUND"),
    (
        "the administrator's path with a user's token",
        "401 UNAUTHORIZED",
    ),
    ("a part of the administrator's key", "401 UNAUTHORIZED"),
    (
        "the administrator's key and a little more",
        "401 UNAUTHORIZED",
    ),
    ("the administrator's key in capitals", "401 UNAUTHORIZED"),
    ("the administrator's key in the query", "401 UNAUTHORIZED"),
    ("an administrator's path that is none", "404 NOT_FOUND"),
    ("an administrator's path with two slashes", "404 NOT_FOUND"),
    ("a development sign-in on a real server", "404 NOT_FOUND"),
    ("a list instead of fields", "422 VALIDATION_ERROR"),
    ("a text of 4,001 characters", "422 VALIDATION_ERROR"),
    ("a body of 1 MB", "413 PAYLOAD_TOO_LARGE"),
    (
        "fields of the prototype (`__proto__`, `constructor`)",
        "422 VALIDATION_ERROR",
    ),
    ("a name with a NUL alone", "422 VALIDATION_ERROR"),
    ("a cursor of another group", "200"),
    ("another user's `clientMessageId`", "201"),
    ("another sender named in the body", "201"),
    ("a body that is no JSON", "400"),
    ("a body that is no text", "400"),
    ("half a surrogate in the text", "400"),
    ("a body nested 20,000 deep", "400"),
    ("the same field twice", "201"),
    ("the metrics, through a proxy", "401"),
    ("the metrics, from this machine by one's own word", "401"),
    ("the metrics with a user's token", "401"),
    ("the metrics with the key in the query", "401"),
    ("smuggling: two lengths", "400"),
    ("smuggling: a length and chunks", "400"),
    ("smuggling: chunks under another name", "400"),
    ("smuggling: a length with a sign", "400"),
    ("smuggling: a length beyond all numbers", "400"),
    ("smuggling: a chunk beyond all numbers", "400"),
    ("smuggling: a space before the colon", "400"),
    ("smuggling: a header over two lines", "400"),
    ("a NUL in a header", "400"),
    ("a line break in the path", "400"),
    ("500 headers", "431"),
    ("a header of 1 MB", "431"),
    ("a path of 1 MB", "431"),
    ("HTTP/2 without being asked", "closed"),
    ("`TRACE`, to see one's headers", "404"),
    ("`CONNECT`, to reach another host", "404"),
    ("another host in the first line", "404"),
    ("another method in a header", "404"),
    ("nothing but line breaks", "closed"),
    ("TLS where there is none", "400"),
    ("HTTP/0.9", "400"),
    ("a page elsewhere asks whether it may (CORS)", "not allowed"),
];

/// Every path of a group, with a body that would do.
const OF_A_GROUP: &[(&str, &str, &str)] = &[
    ("a stranger: `GET /groups/{groupId}`", "GET", "groups/g"),
    ("a stranger: `PATCH /groups/{groupId}`", "PATCH", "groups/g"),
    (
        "a stranger: `DELETE /groups/{groupId}`",
        "DELETE",
        "groups/g",
    ),
    ("a stranger: `GET …/members`", "GET", "groups/g/members"),
    (
        "a stranger: `POST …/members`, to let oneself in",
        "POST",
        "groups/g/members",
    ),
    (
        "a stranger: `PATCH …/members/{userId}`",
        "PATCH",
        "groups/g/members/eve",
    ),
    (
        "a stranger: `DELETE …/members/{userId}`",
        "DELETE",
        "groups/g/members/ada",
    ),
    ("a stranger: `POST …/owner`", "POST", "groups/g/owner"),
    ("a stranger: `GET …/messages`", "GET", "groups/g/messages"),
    ("a stranger: `POST …/messages`", "POST", "groups/g/messages"),
    ("a stranger: `POST …/read`", "POST", "groups/g/read"),
];

/// A body that is right for each of them.
fn body() -> Value {
    json!({"name": "x", "content": "x", "userId": "eve", "ownerId": "eve", "role": "MEMBER", "seq": 1})
}

fn answer(status: u16, body: &Value) -> String {
    match body["error"]["code"].as_str() {
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    }
}

async fn ask(server: &Server, method: &str, path: &str, token: &str, body: Value) -> String {
    let (status, body) = server.http(method, path, token, body).await;
    answer(status, &body)
}

/// Whoever says nothing more in this time has said all.
const SAYS_ALL: Duration = Duration::from_millis(300);

const GENEROUS: Duration = Duration::from_secs(20);

/// The status of each answer to these bytes.
async fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // The server may hang up before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut patience = GENEROUS;
    let mut some = [0; 4_096];
    while let Ok(Ok(count @ 1..)) = timeout(patience, stream.read(&mut some)).await {
        answer.extend(&some[..count]);
        patience = SAYS_ALL;
    }
    statuses(&answer)
}

/// The same, of who says that nothing more will come.
async fn raw_and_over(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = timeout(GENEROUS, stream.read_to_end(&mut answer))
        .await
        .unwrap();
    statuses(&answer)
}

fn statuses(answer: &[u8]) -> String {
    let answer = String::from_utf8_lossy(answer);
    let lines = answer.split("HTTP/1.1 ").skip(1);
    let statuses: Vec<&str> = lines.map(|line| &line[..3]).collect();
    match statuses.as_slice() {
        [] => "closed".to_owned(),
        some => some.join(", "),
    }
}

#[tokio::test]
async fn requests_of_who_may_not_get_nothing_and_change_nothing() {
    let server = Server::start(WITHOUT_LIMITS).await;
    server.group("g", &["ada", "ben"]).await;
    server.group("other", &["eve"]).await;
    let mut witness = Witness::come(&server).await;
    let mut attempts = Attempts::at(ATTACKS);
    let (ada, ben, eve) = (token("ada", 600), token("ben", 600), token("eve", 600));
    let mut secret = Value::Null;
    for content in ["secret 1", "secret 2", "secret 3"] {
        let said = json!({"content": content});
        secret = server.http("POST", "groups/g/messages", &ada, said).await.1;
    }
    let said = json!({"content": "mine"});
    server
        .http("POST", "groups/other/messages", &eve, said)
        .await;
    let before = server.http("GET", "groups/g", &ada, Value::Null).await;

    for (name, method, path) in OF_A_GROUP {
        let there = server.http(method, path, &eve, body()).await;
        let absent = path.replace("/g", "/absent");
        let nowhere = server.http(method, &absent, &eve, body()).await;
        assert_eq!(there, nowhere, "{name}");
        attempts.got(name, answer(there.0, &there.1));
    }
    for (name, token, method, path, body) in [
        ("no token", "", "GET", "groups/g/messages", json!(null)),
        (
            "the administrator's key as a token",
            ADMIN_KEY,
            "GET",
            "groups",
            json!(null),
        ),
        (
            "a member gives himself a role",
            &ben,
            "PATCH",
            "groups/g/members/ben",
            json!({"role": "ADMIN"}),
        ),
        (
            "a member takes the group over",
            &ben,
            "POST",
            "groups/g/owner",
            json!({"userId": "ben"}),
        ),
        (
            "a member removes the owner",
            &ben,
            "DELETE",
            "groups/g/members/ada",
            json!(null),
        ),
        (
            "a member adds somebody",
            &ben,
            "POST",
            "groups/g/members",
            json!({"userId": "eve"}),
        ),
        (
            "a member renames the group",
            &ben,
            "PATCH",
            "groups/g",
            json!({"name": "Ben's"}),
        ),
        (
            "a member deletes the group",
            &ben,
            "DELETE",
            "groups/g",
            json!(null),
        ),
        (
            "the owner makes a second owner",
            &ada,
            "PATCH",
            "groups/g/members/ben",
            json!({"role": "OWNER"}),
        ),
        (
            "a message of the system's own kind",
            &ben,
            "POST",
            "groups/g/messages",
            json!({"content": "x", "type": "SYSTEM"}),
        ),
        (
            "a reply to a message of another group",
            &eve,
            "POST",
            "groups/other/messages",
            json!({"content": "x", "replyToId": secret["id"]}),
        ),
        (
            "a cursor of another list",
            &ben,
            "GET",
            "groups/g/messages?cursor=dXNlcjphZGE",
            json!(null),
        ),
        (
            "a cursor that was made up",
            &ben,
            "GET",
            "groups/g/messages?cursor=c2VxOi0x",
            json!(null),
        ),
        (
            "a page of a million",
            &ben,
            "GET",
            "groups/g/messages?limit=1000000",
            json!(null),
        ),
        (
            "an id that leads elsewhere (`..%2F`)",
            &eve,
            "GET",
            "groups/..%2Fadmin%2Fusers%2Feve",
            json!(null),
        ),
        (
            "an id with SQL",
            &eve,
            "GET",
            "groups/x'%20OR%20'1'='1",
            json!(null),
        ),
        (
            "an id that is a pattern",
            &eve,
            "GET",
            "groups/*",
            json!(null),
        ),
        ("an id with a NUL", &eve, "GET", "groups/g%00", json!(null)),
        (
            "an id that is no text",
            &eve,
            "GET",
            "groups/%FF%FE",
            json!(null),
        ),
        (
            "an id of 5,000 characters",
            &eve,
            "GET",
            &format!("groups/{}", "x".repeat(5_000)),
            json!(null),
        ),
        (
            "`__proto__` as an id",
            &eve,
            "GET",
            "groups/__proto__",
            json!(null),
        ),
        (
            "the administrator's path with a user's token",
            &ada,
            "PUT",
            "admin/users/eve",
            json!({"name": "x"}),
        ),
        (
            "a part of the administrator's key",
            &ADMIN_KEY[..20],
            "PUT",
            "admin/users/eve",
            json!({"name": "x"}),
        ),
        (
            "the administrator's key and a little more",
            &format!("{ADMIN_KEY}x"),
            "PUT",
            "admin/users/eve",
            json!({"name": "x"}),
        ),
        (
            "the administrator's key in capitals",
            &ADMIN_KEY.to_uppercase(),
            "PUT",
            "admin/users/eve",
            json!({"name": "x"}),
        ),
        (
            "the administrator's key in the query",
            "",
            "PUT",
            &format!("admin/users/eve?key={ADMIN_KEY}&access_token={ADMIN_KEY}")
                .replace(' ', "%20"),
            json!({"name": "x"}),
        ),
        (
            "an administrator's path that is none",
            &ada,
            "GET",
            "admin",
            json!(null),
        ),
        (
            "an administrator's path with two slashes",
            &ada,
            "PUT",
            "/admin/users/eve",
            json!({"name": "x"}),
        ),
        (
            "a development sign-in on a real server",
            "",
            "POST",
            "dev/login",
            json!({"name": "ada"}),
        ),
        (
            "a list instead of fields",
            &ben,
            "POST",
            "groups/g/messages",
            json!(["x"]),
        ),
        (
            "a text of 4,001 characters",
            &ben,
            "POST",
            "groups/g/messages",
            json!({"content": "x".repeat(4_001)}),
        ),
        (
            "a body of 1 MB",
            &ben,
            "POST",
            "groups/g/messages",
            json!({"content": "x".repeat(1_000_000)}),
        ),
        (
            "fields of the prototype (`__proto__`, `constructor`)",
            &ben,
            "POST",
            "groups/g/messages",
            json!({"__proto__": {"content": "x"}, "constructor": {"content": "x"}}),
        ),
        (
            "a name with a NUL alone",
            &ada,
            "POST",
            "groups",
            json!({"name": "\u{0}"}),
        ),
    ] {
        attempts.got(name, ask(&server, method, path, token, body).await);
    }
    for _ in 0..200 {
        let guess = format!("a guess that is as long as the key {}", by_chance());
        let (status, _) = server
            .http("PUT", "admin/users/eve", &guess, json!({"name": "x"}))
            .await;
        assert_eq!(status, 401);
    }

    // A cursor names a number, not a group: it leads nowhere else.
    let (_, page) = server
        .http("GET", "groups/g/messages?limit=1", &ada, Value::Null)
        .await;
    let path = format!(
        "groups/other/messages?cursor={}",
        page["nextCursor"].as_str().unwrap()
    );
    let (status, page) = server.http("GET", &path, &eve, Value::Null).await;
    assert!(!page.to_string().contains("secret"), "{page}");
    attempts.got("a cursor of another group", answer(status, &page));
    // Who wrote a message under that name is somebody else.
    let said = json!({"content": "hers", "clientMessageId": "c-1"});
    server
        .http("POST", "groups/g/messages", &ada, said.clone())
        .await;
    let (status, page) = server.http("POST", "groups/g/messages", &ben, said).await;
    assert_eq!(page["senderId"], "ben");
    attempts.got("another user's `clientMessageId`", answer(status, &page));
    let spoofed = json!({"content": "x", "senderId": "ada", "sender": "ada", "user": {"id": "ada"}, "seq": 1, "id": "x"});
    let (status, page) = server
        .http("POST", "groups/g/messages", &ben, spoofed)
        .await;
    assert_eq!(
        (&page["senderId"], &page["user"]["id"]),
        (&json!("ben"), &json!("ben"))
    );
    attempts.got("another sender named in the body", answer(status, &page));

    assert_eq!(
        server.http("GET", "groups/g", &ada, Value::Null).await.1["name"],
        before.1["name"]
    );
    let (_, members) = server
        .http("GET", "groups/g/members", &ada, Value::Null)
        .await;
    let members = members["items"].as_array().unwrap();
    let roles: Vec<_> = members
        .iter()
        .map(|it| {
            (
                it["userId"].as_str().unwrap_or_default(),
                it["role"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(roles.len(), 2, "{roles:?}");
    witness.is_unharmed().await;
    requests_that_are_none(&server, &ben, &mut attempts).await;
    witness.is_unharmed().await;
    attempts.finish();
}

/// Something else each time.
fn by_chance() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

async fn requests_that_are_none(server: &Server, ben: &str, attempts: &mut Attempts) {
    let post = format!(
        "POST /api/v1/groups/g/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ben}\r\ncontent-type: application/json\r\n"
    );
    let said = "{\"content\":\"x\"}";
    let smuggled = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let json = |body: &[u8]| {
        let head = format!("{post}content-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let get =
        |headers: &str| format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{headers}\r\n").into_bytes();
    let metrics =
        |headers: &str| format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{headers}\r\n").into_bytes();
    let key = ADMIN_KEY.replace(' ', "%20");
    let deep = format!(
        "{{\"content\":{}{}}}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let many = "x-one-more: y\r\n".repeat(500);
    for (name, bytes) in [
        ("a body that is no JSON", json(b"{\"content\":")),
        ("a body that is no text", json(b"{\"content\":\"\xC3\x28\"}")),
        ("half a surrogate in the text", json(b"{\"content\":\"\\ud800\"}")),
        ("a body nested 20,000 deep", json(deep.as_bytes())),
        ("the same field twice", json(b"{\"content\":\"x\",\"content\":\"y\"}")),
        ("the metrics, through a proxy", metrics("via: 1.1 proxy\r\n")),
        ("the metrics, from this machine by one's own word", metrics("x-forwarded-for: 127.0.0.1\r\n")),
        ("the metrics with a user's token", metrics(&format!("via: 1.1 proxy\r\nauthorization: Bearer {ben}\r\n"))),
        ("the metrics with the key in the query", format!("GET /metrics?key={key}&access_token={key} HTTP/1.1\r\nhost: x\r\nvia: 1.1 proxy\r\n\r\n").into_bytes()),
        ("smuggling: two lengths", format!("{post}content-length: 15\r\ncontent-length: 0\r\n\r\n{said}{smuggled}").into_bytes()),
        ("smuggling: a length and chunks", format!("{post}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}").into_bytes()),
        ("smuggling: chunks under another name", format!("{post}transfer-encoding: xchunked\r\ncontent-length: 15\r\n\r\n{said}{smuggled}").into_bytes()),
        ("smuggling: a length with a sign", format!("{post}content-length: +15\r\n\r\n{said}").into_bytes()),
        ("smuggling: a length beyond all numbers", format!("{post}content-length: 99999999999999999999\r\n\r\n{said}").into_bytes()),
        ("smuggling: a chunk beyond all numbers", format!("{post}transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{said}").into_bytes()),
        ("smuggling: a space before the colon", get("content-length : 5\r\n")),
        ("smuggling: a header over two lines", get("x: a\r\n b: c\r\n")),
        ("a NUL in a header", get("x: a\0b\r\n")),
        ("a line break in the path", b"GET /healthz\nx HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
        ("500 headers", get(&many)),
        ("a header of 1 MB", get(&format!("x: {}\r\n", "y".repeat(1_000_000)))),
        ("a path of 1 MB", format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(1_000_000)).into_bytes()),
        ("HTTP/2 without being asked", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("`TRACE`, to see one's headers", b"TRACE /api/v1/groups HTTP/1.1\r\nhost: x\r\ncookie: a\r\n\r\n".to_vec()),
        ("`CONNECT`, to reach another host", b"CONNECT 127.0.0.1:6379 HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
        ("another host in the first line", b"GET http://169.254.169.254/latest HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
        ("another method in a header", format!("POST /api/v1/groups/g HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ben}\r\nx-http-method-override: DELETE\r\ncontent-length: 0\r\n\r\n").into_bytes()),
    ] {
        attempts.got(name, raw(server, &bytes).await);
    }
    for (name, bytes) in [
        ("nothing but line breaks", b"\r\n".repeat(10_000)),
        (
            "TLS where there is none",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        ),
        ("HTTP/0.9", b"GET /healthz\r\n".to_vec()),
    ] {
        attempts.got(name, raw_and_over(server, &bytes).await);
    }
    let url = format!("http://{}/api/v1/groups", server.address);
    let preflight = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, url)
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "GET")
        .send()
        .await
        .unwrap();
    let allowed = preflight
        .headers()
        .contains_key("access-control-allow-origin");
    let answer = if allowed { "allowed" } else { "not allowed" };
    attempts.got("a page elsewhere asks whether it may (CORS)", answer);
}
