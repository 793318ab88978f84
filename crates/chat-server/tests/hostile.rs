//! Clients that do not keep to the protocol. None of them harms another.

mod support;

use futures_util::StreamExt as _;
use serde_json::json;
use support::{Client, Server, token};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// The witness talks on: nobody else's session has ended.
async fn goes_on(witness: &mut Client) {
    witness
        .call(
            "send_message",
            json!({"groupId": "g", "content": "still here"}),
        )
        .await;
}

#[tokio::test]
async fn what_is_no_packet_ends_at_most_its_own_connection() {
    let server = Server::start(&[("CHAT_LIMITS__MESSAGE_BURST", "0")]).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let deep = format!(
        "42[\"join_group\",{}{}]",
        "[".repeat(30_000),
        "]".repeat(30_000)
    );
    for packet in [
        "",
        "4",
        "42",
        "42[",
        "42[]",
        "42[7]",
        "42{}",
        "42[null,1]",
        "42\"",
        "49",
        "9",
        "x",
        "43",
        "43[",
        "430[]",
        "4399999999999999999999[]",
        "42-1[\"a\"]",
        "45",
        "451-",
        "451-[",
        "4599999999-[\"a\",{\"_placeholder\":true,\"num\":0}]",
        "40/other,",
        "40",
        "41/other,",
        "5probe",
        "6",
        "0{}",
        "1",
        "2",
        "3probe",
        "4\u{0}",
        "42[\"\u{0}\",1]",
        "é",
        "42é",
        deep.as_str(),
    ] {
        let mut eve = server.connect("eve").await;
        eve.send_raw(Message::text(packet)).await;
        drop(eve);
        goes_on(&mut ada).await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let server = Server::start(&[]).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;

    let mut eve = server.connect("eve").await;
    eve.send_raw(Message::binary(vec![0xFF_u8; 1_000])).await;
    drop(eve);
    let mut eve = server.connect("eve").await;
    let frame = tokio_tungstenite::tungstenite::protocol::frame::Frame::message(
        vec![b'4', b'2', 0xC3, 0x28],
        tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode::Data(
            tokio_tungstenite::tungstenite::protocol::frame::coding::Data::Text,
        ),
        true,
    );
    eve.send_raw(Message::Frame(frame)).await;
    eve.closed().await;

    goes_on(&mut ada).await;
}

#[tokio::test]
async fn attachments_are_refused_with_a_code_and_the_next_event_works() {
    let server = Server::start(&[]).await;
    server.group("g", &["ada"]).await;
    let mut ada = server.join("ada", "g").await;

    ada.send(
        "451-[\"send_message\",{\"groupId\":\"g\",\"content\":{\"_placeholder\":true,\"num\":0}}]",
    )
    .await;
    ada.send_raw(Message::binary(vec![1_u8, 2, 3])).await;

    let error = ada.wait_for("error").await;
    assert_eq!(
        (&error["code"], &error["event"]),
        (&json!("VALIDATION_ERROR"), &json!("send_message"))
    );
    goes_on(&mut ada).await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_or_ends_the_transport() {
    let server = Server::start(&[("CHAT_LIMITS__EVENT_BYTES", "2048")]).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let mut eve = server.join("eve", "g").await;

    let too_long = json!({"groupId": "g", "content": "x".repeat(3_000)});
    assert_eq!(
        eve.refused("send_message", too_long).await,
        "PAYLOAD_TOO_LARGE"
    );
    eve.call("send_message", json!({"groupId": "g", "content": "fine"}))
        .await;
    eve.send_raw(Message::text(format!(
        "42[\"send_message\",\"{}\"]",
        "x".repeat(200_000)
    )))
    .await;
    eve.closed().await;

    goes_on(&mut ada).await;
}

#[tokio::test]
async fn a_flood_is_refused_and_then_ended() {
    let server = Server::start(&[]).await;
    let mut eve = server.connect("eve").await;

    for _ in 0..400 {
        eve.send_raw(Message::text("42[\"nonsense\",1]")).await;
    }

    let closed = eve.wait_for("session_closed").await;
    assert_eq!(closed["code"], "RATE_LIMITED");
    assert_eq!(closed["reconnect"], true);
    eve.closed().await;
}

#[tokio::test]
async fn who_connects_twice_on_one_transport_is_one_session() {
    let server = Server::start(&[]).await;
    server.group("g", &["ada", "eve"]).await;
    let mut eve = server.connect("eve").await;

    eve.send(&format!("40{}", json!({"token": token("ada", 60)})))
        .await;
    eve.call("join_group", json!("g")).await;

    let mut ada = server.join("ada", "g").await;
    let info = ada.call("get_room_info", json!({"groupId": "g"})).await;
    assert_eq!(info["onlineMembers"], json!(["ada", "eve"]));
    assert_eq!(info["socketCount"], 2);
}

#[tokio::test]
async fn a_foreign_origin_does_not_get_a_socket() {
    let server = Server::start(&[("CHAT_HTTP__CORS_ORIGINS", "https://chat.example")]).await;
    let own = format!("http://{}", server.address);

    for (origin, allowed) in [
        ("https://evil.example", false),
        ("null", false),
        ("https://chat.example", true),
        (own.as_str(), true),
    ] {
        let opened = Client::open_with(server.address, &[("origin", origin)]).await;
        assert_eq!(opened.is_ok(), allowed, "{origin}");
    }
}

#[tokio::test]
async fn who_opens_another_transport_for_a_session_is_sent_away_all_the_same() {
    let server = Server::start(&[]).await;
    let mut eve = server.connect("eve").await;
    let address = server.address;
    let url = format!(
        "ws://{address}/socket.io/?EIO=4&transport=websocket&sid={}",
        eve.sid
    );

    // The engine refuses it, but only after the handshake.
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut second, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    while let Some(Ok(_)) = second.next().await {}
    for _ in 0..400 {
        eve.send_raw(Message::text("42[\"nonsense\",1]")).await;
    }

    eve.wait_for("session_closed").await;
    eve.closed().await;
}
