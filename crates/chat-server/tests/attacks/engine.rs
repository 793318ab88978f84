//! Engine.IO and WebSocket as nobody should speak them: sessions, handshakes and frames.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    Attempts, Table, WITHOUT_LIMITS, Witness,
    support::{Client, Server, token},
};

pub const ATTACKS: Table = &[
    ("another version of the protocol", "400"),
    ("no version of the protocol", "400"),
    ("another transport", "400"),
    ("no transport", "400"),
    ("a session that was made up, polled", "400"),
    ("a session id of another form", "400"),
    ("a session id of 5,000 characters", "400"),
    ("two session ids", "400"),
    (
        "a WebSocket of a session that was made up",
        "101, then closed",
    ),
    ("a WebSocket without a key", "400"),
    ("a WebSocket of another version", "101, then stays open"),
    ("a WebSocket from a foreign page", "403"),
    ("a WebSocket from a page without an origin (`null`)", "403"),
    ("a WebSocket from a page whose name begins like ours", "403"),
    ("a session that has ended, replayed", "400"),
    ("a request of 1 MB in a session", "413"),
    ("a request that is no text in a session", "400"),
    ("10,000 packets in one request", "200"),
    (
        "two polls of one session at once",
        "400; the first ends with 200",
    ),
    ("polling the session of a WebSocket", "400"),
    (
        "a second WebSocket in a session whose id one knows",
        "101, then closed; the first goes on",
    ),
    ("a frame of 300 kB", "closed"),
    ("a frame that claims to be of 2⁶² bytes", "closed"),
    ("a frame without a mask", "closed"),
    ("a frame with reserved bits", "closed"),
    ("a frame of an unknown kind", "closed"),
    ("a ping of 200 bytes", "closed"),
    ("text that is no UTF-8", "closed"),
    ("the middle of a message without its beginning", "closed"),
    ("a second message inside an unfinished one", "closed"),
    ("a message that never ends", "stays open"),
    ("a message in 50,000 empty pieces", "stays open"),
    ("5,000 pings", "stays open"),
    ("a goodbye with a code that is none", "closed"),
    ("random bytes", "closed"),
    ("an event that promises 10⁹ attachments", "closed"),
    (
        "an event that waits for an attachment for ever",
        "stays open",
    ),
    ("an answer to a question that nobody asked", "stays open"),
    ("an answer with a number beyond all numbers", "closed"),
    ("a packet of the server's own: open", "closed"),
    ("a packet of the server's own: refusal", "closed"),
    ("a packet of an unknown kind", "closed"),
    ("an empty packet", "closed"),
    ("another namespace", "stays open"),
    ("a namespace of 60,000 characters", "stays open"),
    ("an event in a namespace that one is not in", "stays open"),
    ("ten thousand connects on one transport", "stays open"),
    (
        "signing in and out without end with a good token",
        "RATE_LIMITED, then closed",
    ),
    (
        "wrong tokens between good ones, to be forgiven",
        "RATE_LIMITED, then closed",
    ),
    ("an event before signing in", "closed"),
    (
        "signing in a second time as another user",
        "stays who one is",
    ),
    ("500 half handshakes", "the others chat on"),
    ("200 transports, opened and dropped", "the others chat on"),
];

/// A poll that takes longer waits for something.
const SAYS_NOTHING: Duration = Duration::from_millis(300);

const GENEROUS: Duration = Duration::from_secs(20);

const BETWEEN_PINGS: Duration = Duration::from_millis(20);

const HALF_OPEN: usize = 500;

const KEY: &str = "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async fn poll(server: &Server, query: &str) -> (u16, String) {
    let url = format!("http://{}/socket.io/?{query}", server.address);
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn post(server: &Server, sid: &str, body: impl Into<reqwest::Body>) -> u16 {
    let url = format!(
        "http://{}/socket.io/?EIO=4&transport=polling&sid={sid}",
        server.address
    );
    let sent = reqwest::Client::new().post(url).body(body).send().await;
    sent.map_or(0, |answer| answer.status().as_u16())
}

/// Opens a session by polling. Returns its id.
async fn session(server: &Server) -> String {
    let (_, open) = poll(server, "EIO=4&transport=polling").await;
    let open: Value = serde_json::from_str(&open[1..]).unwrap();
    open["sid"].as_str().unwrap().to_owned()
}

/// Opens a session by polling, and signs in.
async fn signed_in(server: &Server) -> String {
    let sid = session(server).await;
    let packet = format!("40{}", json!({"token": token("eve", 600)}));
    assert_eq!(post(server, &sid, packet).await, 200);
    sid
}

/// Asks for a WebSocket. Returns the connection, and the status.
async fn handshake(server: &Server, query: &str, headers: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let address = server.address;
    let request = format!(
        "GET /socket.io/?{query} HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = timeout(GENEROUS, stream.read_u8()).await.unwrap() else {
            break;
        };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let status = head.split(' ').nth(1).unwrap_or("closed").to_owned();
    (stream, status)
}

/// The status, and what came after it if there is a WebSocket.
async fn in_full(stream: &mut TcpStream, status: String, pings: usize) -> String {
    if status != "101" {
        return status;
    }
    format!("101, then {}", outcome(stream, pings).await)
}

/// One frame of a client, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const SIGNED_IN: &str = "40";
const REFUSED: &str = "44";
const PONG: &[u8] = b"\x8A\x05alive";

/// Signs in over a WebSocket by hand, sends these bytes, and says what became of the connection.
async fn sent(server: &Server, witness: &mut Witness, bytes: &[u8], pings: usize) -> &'static str {
    let (mut stream, status) = handshake(server, "EIO=4&transport=websocket", KEY).await;
    assert_eq!(status, "101");
    let connect = format!("40{}", json!({"token": token("eve", 600)}));
    stream
        .write_all(&frame(TEXT, connect.as_bytes()))
        .await
        .unwrap();
    let mut signed_in = Vec::new();
    while !String::from_utf8_lossy(&signed_in).contains("serverTime") {
        let mut some = [0; 4_096];
        let count = timeout(GENEROUS, stream.read(&mut some))
            .await
            .unwrap()
            .unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&signed_in));
        signed_in.extend(&some[..count]);
    }
    let _ = stream.write_all(bytes).await;
    witness.is_unharmed().await;
    outcome(&mut stream, pings).await
}

/// Whether the server hangs up, or goes on answering so many pings.
async fn outcome(stream: &mut TcpStream, pings: usize) -> &'static str {
    for _ in 0..pings {
        let answered = timeout(GENEROUS, answers_a_ping(stream)).await;
        if !answered.expect("it answers or hangs up") {
            return "closed";
        }
        sleep(BETWEEN_PINGS).await;
    }
    "stays open"
}

async fn answers_a_ping(stream: &mut TcpStream) -> bool {
    let _ = stream.write_all(&frame(PING, b"alive")).await;
    let mut answer = Vec::new();
    let mut some = [0; 4_096];
    while let Ok(count @ 1..) = stream.read(&mut some).await {
        answer.extend(&some[..count]);
        if answer.windows(PONG.len()).any(|bytes| bytes == PONG) {
            return true;
        }
        if answer.contains(&CLOSE) {
            return false;
        }
    }
    false
}

/// Hanging up may take a moment: who is expected to be cut is asked for longer.
fn patience(attempts: &Attempts, name: &str) -> usize {
    if attempts.expected(name).contains("closed") {
        500
    } else {
        5
    }
}

#[tokio::test]
async fn sessions_and_frames_that_are_none_end_at_most_their_own_connection() {
    let server = Server::start(WITHOUT_LIMITS).await;
    server.group("g", &["ada", "eve"]).await;
    let mut witness = Witness::come(&server).await;
    let mut attempts = Attempts::at(ATTACKS);

    for (name, query) in [
        ("another version of the protocol", "EIO=3&transport=polling"),
        ("no version of the protocol", "transport=polling"),
        ("another transport", "EIO=4&transport=flashsocket"),
        ("no transport", "EIO=4"),
        (
            "a session that was made up, polled",
            "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA",
        ),
        (
            "a session id of another form",
            "EIO=4&transport=polling&sid=../../etc",
        ),
        (
            "a session id of 5,000 characters",
            &format!("EIO=4&transport=polling&sid={}", "A".repeat(5_000)),
        ),
        (
            "two session ids",
            "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA&sid=BBBBBBBBBBBBBBBB",
        ),
    ] {
        attempts.got(name, poll(&server, query).await.0.to_string());
    }
    for (name, query, headers) in [
        (
            "a WebSocket of a session that was made up",
            "EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAA",
            KEY,
        ),
        (
            "a WebSocket without a key",
            "EIO=4&transport=websocket",
            "sec-websocket-version: 13\r\n",
        ),
        (
            "a WebSocket of another version",
            "EIO=4&transport=websocket",
            "sec-websocket-version: 7\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ),
        (
            "a WebSocket from a foreign page",
            "EIO=4&transport=websocket",
            &format!("origin: https://evil.example\r\n{KEY}"),
        ),
        (
            "a WebSocket from a page without an origin (`null`)",
            "EIO=4&transport=websocket",
            &format!("origin: null\r\n{KEY}"),
        ),
        (
            "a WebSocket from a page whose name begins like ours",
            "EIO=4&transport=websocket",
            &format!("origin: http://{}.evil.example\r\n{KEY}", server.address),
        ),
    ] {
        let (mut stream, status) = handshake(&server, query, headers).await;
        let pings = patience(&attempts, name);
        attempts.got(name, in_full(&mut stream, status, pings).await);
    }

    sessions(&server, &mut attempts).await;
    let long = vec![b'x'; 300_000];
    let half = |first: u8| {
        [
            &frame(first, b"42[\"join_group\",")[..],
            &frame(0x89, b"")[..],
        ]
        .concat()
    };
    let pings = frame(0x89, b"ping").repeat(5_000);
    let empty = [frame(0x01, b"4"), frame(0x00, b"").repeat(50_000)].concat();
    for (name, bytes) in [
        ("a frame of 300 kB", frame(TEXT, &long)),
        (
            "a frame that claims to be of 2⁶² bytes",
            vec![TEXT, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        ("a frame without a mask", vec![TEXT, 1, b'3']),
        ("a frame with reserved bits", frame(0xF1, b"3")),
        ("a frame of an unknown kind", frame(0x83, b"3")),
        ("a ping of 200 bytes", frame(0x89, &[0; 200])),
        ("text that is no UTF-8", frame(TEXT, b"42[\"\xC3\x28\"]")),
        (
            "the middle of a message without its beginning",
            frame(0x80, b"3"),
        ),
        (
            "a second message inside an unfinished one",
            [frame(0x01, b"42["), frame(TEXT, b"3")].concat(),
        ),
        ("a message that never ends", half(0x01)),
        ("a message in 50,000 empty pieces", empty),
        ("5,000 pings", pings),
        ("a goodbye with a code that is none", frame(0x88, &[0, 1])),
        (
            "random bytes",
            (0..5_000_u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect(),
        ),
        (
            "an event that promises 10⁹ attachments",
            frame(
                TEXT,
                b"451000000000-[\"join_group\",{\"_placeholder\":true,\"num\":0}]",
            ),
        ),
        (
            "an event that waits for an attachment for ever",
            frame(
                TEXT,
                b"451-[\"join_group\",{\"_placeholder\":true,\"num\":0}]",
            ),
        ),
        (
            "an answer to a question that nobody asked",
            frame(TEXT, b"4399999999[{\"ok\":true}]"),
        ),
        (
            "an answer with a number beyond all numbers",
            frame(TEXT, b"4399999999999999999999999[]"),
        ),
        (
            "a packet of the server's own: open",
            frame(TEXT, b"0{\"sid\":\"AAAAAAAAAAAAAAAA\"}"),
        ),
        (
            "a packet of the server's own: refusal",
            frame(TEXT, b"44{\"message\":\"x\"}"),
        ),
        ("a packet of an unknown kind", frame(TEXT, b"9")),
        ("an empty packet", frame(TEXT, b"")),
        ("another namespace", frame(TEXT, b"40/admin,{}")),
        (
            "a namespace of 60,000 characters",
            frame(TEXT, format!("40/{},", "x".repeat(60_000)).as_bytes()),
        ),
        (
            "an event in a namespace that one is not in",
            frame(TEXT, b"42/admin,[\"join_group\",\"g\"]"),
        ),
        (
            "ten thousand connects on one transport",
            frame(TEXT, b"40{}").repeat(10_000),
        ),
    ] {
        let pings = patience(&attempts, name);
        attempts.got(name, sent(&server, &mut witness, &bytes, pings).await);
    }

    let good = format!("40{}", json!({"token": token("eve", 600)}));
    let wrong = r#"40{"token":"wrong"}"#;
    for (name, connects) in [
        (
            "signing in and out without end with a good token",
            &[(good.as_str(), SIGNED_IN)][..],
        ),
        (
            "wrong tokens between good ones, to be forgiven",
            &[(wrong, REFUSED), (good.as_str(), SIGNED_IN)],
        ),
    ] {
        attempts.got(name, signing_in_again(&server, connects).await);
        witness.is_unharmed().await;
    }
    let (mut stream, _) = handshake(&server, "EIO=4&transport=websocket", KEY).await;
    stream
        .write_all(&frame(TEXT, b"42[\"join_group\",\"g\"]"))
        .await
        .unwrap();
    let name = "an event before signing in";
    let pings = patience(&attempts, name);
    attempts.got(name, outcome(&mut stream, pings).await);
    let mut twice = server.connect("eve").await;
    twice
        .send(&format!("40{}", json!({"token": token("ada", 60)})))
        .await;
    let answer = twice.ask("join_group", json!("g")).await;
    assert_eq!(answer["ok"], true);
    let info = twice.call("get_room_info", json!({"groupId": "g"})).await;
    assert_eq!(info["onlineMembers"], json!(["eve"]));
    attempts.got(
        "signing in a second time as another user",
        "stays who one is",
    );

    let mut half_open = Vec::new();
    for _ in 0..HALF_OPEN {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /socket.io/?EIO=4").await.unwrap();
        half_open.push(stream);
    }
    witness.is_unharmed().await;
    attempts.got("500 half handshakes", "the others chat on");
    for _ in 0..200 {
        drop(Client::open(server.address).await);
    }
    witness.is_unharmed().await;
    attempts.got("200 transports, opened and dropped", "the others chat on");
    attempts.finish();
}

/// Signs in with each of these and out again, over and over on one transport. Returns the last answer, and what became
/// of the transport.
async fn signing_in_again(server: &Server, connects: &[(&str, &str)]) -> String {
    let mut client = Client::open(server.address).await;
    let (start, mut sessions) = (Instant::now(), 0);
    for (connect, wanted) in connects.iter().cycle() {
        let answer = loop {
            // Nothing answers while the session before still ends.
            client.try_send(connect).await;
            if let Ok(answer) = timeout(BETWEEN_PINGS, client.receive()).await {
                let answer = answer.expect("it is told why before it is closed");
                if answer.contains("RATE_LIMITED: ") || answer.starts_with(wanted) {
                    break answer;
                }
            }
        };
        if answer.contains("RATE_LIMITED: ") {
            break;
        }
        if *wanted == SIGNED_IN {
            sessions += 1;
            client.try_send("41").await;
        }
    }
    client.closed().await;
    let allowed = 10 + start.elapsed().as_secs();
    assert!((1..=allowed).contains(&sessions), "{sessions}");
    "RATE_LIMITED, then closed".to_owned()
}

async fn sessions(server: &Server, attempts: &mut Attempts) {
    let ended = signed_in(server).await;
    assert_eq!(post(server, &ended, "1").await, 200);
    attempts.got(
        "a session that has ended, replayed",
        post(server, &ended, "40{}").await.to_string(),
    );
    let sid = signed_in(server).await;
    attempts.got(
        "a request of 1 MB in a session",
        post(server, &sid, "x".repeat(1_000_000)).await.to_string(),
    );
    let sid = signed_in(server).await;
    attempts.got(
        "a request that is no text in a session",
        post(server, &sid, vec![0xFF_u8; 100]).await.to_string(),
    );
    let sid = signed_in(server).await;
    attempts.got(
        "10,000 packets in one request",
        post(server, &sid, "42[\"x\",1]\u{1e}".repeat(10_000))
            .await
            .to_string(),
    );
    let sid = signed_in(server).await;
    let query = format!("EIO=4&transport=polling&sid={sid}");
    let first = loop {
        let mut waiting = Box::pin(poll(server, &query));
        if timeout(SAYS_NOTHING, &mut waiting).await.is_err() {
            break waiting;
        }
    };
    let (second, _) = poll(server, &query).await;
    let (first, _) = timeout(GENEROUS, first).await.unwrap();
    attempts.got(
        "two polls of one session at once",
        format!("{second}; the first ends with {first}"),
    );

    let mut websocket = server.connect("eve").await;
    let query = format!("EIO=4&transport=websocket&sid={}", websocket.sid);
    let polled = poll(server, &query.replace("websocket", "polling")).await;
    attempts.got("polling the session of a WebSocket", polled.0.to_string());
    let (mut second, status) = handshake(server, &query, KEY).await;
    let name = "a second WebSocket in a session whose id one knows";
    let answer = in_full(&mut second, status, patience(attempts, name)).await;
    websocket.call("leave_group", json!("g")).await;
    attempts.got(
        "a second WebSocket in a session whose id one knows",
        format!("{answer}; the first goes on"),
    );
}
