//! Events of who may not, and arguments that are none.

use serde_json::{Value, json};

use crate::{
    Attempts, Table, WITHOUT_LIMITS, Witness, code,
    support::{Client, Server, token},
};

pub const ATTACKS: Table = &[
    ("a stranger: `join_group`", "FORBIDDEN"),
    ("a stranger: `send_message`", "FORBIDDEN"),
    ("a stranger: `typing_start`", "FORBIDDEN"),
    ("a stranger: `typing_stop`", "FORBIDDEN"),
    ("a stranger: `get_room_info`", "FORBIDDEN"),
    ("a stranger: `get_group_messages`", "FORBIDDEN"),
    ("a stranger: `mark_read`", "FORBIDDEN"),
    (
        "a stranger: `leave_group`, to count who is there",
        "counts of 0",
    ),
    ("a group that is a pattern", "VALIDATION_ERROR"),
    ("a group with separators of keys", "VALIDATION_ERROR"),
    ("a group with a line break", "VALIDATION_ERROR"),
    ("a group with a NUL", "VALIDATION_ERROR"),
    ("a group of 60,000 characters", "VALIDATION_ERROR"),
    ("`__proto__` as a group", "FORBIDDEN"),
    ("another user's own room (`user:`)", "VALIDATION_ERROR"),
    ("a list of groups", "VALIDATION_ERROR"),
    ("fields of the prototype", "VALIDATION_ERROR"),
    ("a message of the system's own kind", "VALIDATION_ERROR"),
    ("a text of 4,001 characters", "VALIDATION_ERROR"),
    ("a text of control characters alone", "VALIDATION_ERROR"),
    ("a reply to a message of another group", "VALIDATION_ERROR"),
    ("a reply to what is no message", "VALIDATION_ERROR"),
    ("a `clientMessageId` with a line break", "VALIDATION_ERROR"),
    ("a file that does not exist", "VALIDATION_ERROR"),
    ("a page of a million", "VALIDATION_ERROR"),
    ("a page of -1", "VALIDATION_ERROR"),
    ("a number beyond what JavaScript knows", "VALIDATION_ERROR"),
    ("a cursor of another list", "VALIDATION_ERROR"),
    ("a cursor of 60,000 characters", "VALIDATION_ERROR"),
    ("a cursor with `afterSeq`", "VALIDATION_ERROR"),
    ("another user's token to refresh with", "FORBIDDEN"),
    (
        "an event of the server's own: `message_received`",
        "VALIDATION_ERROR",
    ),
    (
        "an event of the server's own: `session_closed`",
        "VALIDATION_ERROR",
    ),
    ("an event of administrators", "VALIDATION_ERROR"),
    ("an event called `constructor`", "VALIDATION_ERROR"),
    ("an event called ``", "VALIDATION_ERROR"),
    ("nested 30,000 deep", "VALIDATION_ERROR"),
    ("no argument", "VALIDATION_ERROR"),
    ("two arguments", "VALIDATION_ERROR"),
    ("half a surrogate", "VALIDATION_ERROR"),
    ("the same field twice", "FORBIDDEN"),
    ("a number without end", "VALIDATION_ERROR"),
    ("a text of 120,000 escapes", "PAYLOAD_TOO_LARGE"),
    (
        "another sender, id and `seq` named in the message",
        "one's own are taken",
    ),
    (
        "everything read for ever (`mark_read` far beyond the end)",
        "only what is there",
    ),
    (
        "HTML, templates and formats in a text",
        "plain text, as it was written",
    ),
    ("sending from a socket that is not in the room", "FORBIDDEN"),
    ("sending after being removed", "FORBIDDEN"),
    (
        "ten thousand groups by guessing, where events are not limited",
        "FORBIDDEN",
    ),
];

const ROOMS: usize = 10_000;

/// Every event of a group, with what would do.
fn of_a_group(group: &str) -> [(&'static str, &'static str, Value); 7] {
    [
        (
            "a stranger: `join_group`",
            "join_group",
            json!({"groupId": group, "afterSeq": 0}),
        ),
        (
            "a stranger: `send_message`",
            "send_message",
            json!({"groupId": group, "content": "x"}),
        ),
        (
            "a stranger: `typing_start`",
            "typing_start",
            json!({"groupId": group}),
        ),
        (
            "a stranger: `typing_stop`",
            "typing_stop",
            json!({"groupId": group}),
        ),
        (
            "a stranger: `get_room_info`",
            "get_room_info",
            json!({"groupId": group}),
        ),
        (
            "a stranger: `get_group_messages`",
            "get_group_messages",
            json!({"groupId": group, "afterSeq": 0}),
        ),
        (
            "a stranger: `mark_read`",
            "mark_read",
            json!({"groupId": group, "seq": 1}),
        ),
    ]
}

/// Sends what `serde_json` would not write.
async fn ask_raw(client: &mut Client, number: u64, packet: &str) -> String {
    client.send(&format!("42{number}{packet}")).await;
    code(&client.answer(number).await)
}

#[tokio::test]
async fn events_of_who_may_not_get_nothing_and_change_nothing() {
    let server = Server::start(WITHOUT_LIMITS).await;
    server.group("g", &["ada"]).await;
    server.group("own", &["olga", "eve"]).await;
    let mut witness = Witness::come(&server).await;
    let mut attempts = Attempts::at(ATTACKS);
    let mut ada = server.join("ada", "g").await;
    let secret = ada
        .call("send_message", json!({"groupId": "g", "content": "secret"}))
        .await;
    let mut eve = server.join("eve", "own").await;

    for ((name, event, there), (_, _, nowhere)) in
        of_a_group("g").into_iter().zip(of_a_group("absent"))
    {
        let answer = eve.ask(event, there).await;
        let absent = eve.ask(event, nowhere).await;
        assert_eq!(
            answer.to_string(),
            absent.to_string().replace("absent", "g"),
            "{event}"
        );
        attempts.got(name, code(&answer));
    }
    let left = eve.call("leave_group", json!("g")).await;
    assert_eq!(
        (&left["memberCount"], &left["socketCount"]),
        (&json!(0), &json!(0))
    );
    attempts.got(
        "a stranger: `leave_group`, to count who is there",
        "counts of 0",
    );

    let own = |fields: Value| {
        let mut argument = json!({"groupId": "own", "content": "x"});
        argument
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        argument
    };
    for (name, event, argument) in [
        ("a group that is a pattern", "join_group", json!("*")),
        (
            "a group with separators of keys",
            "join_group",
            json!("g:users"),
        ),
        (
            "a group with a line break",
            "join_group",
            json!("g\r\nFLUSHALL"),
        ),
        ("a group with a NUL", "join_group", json!("g\u{0}")),
        (
            "a group of 60,000 characters",
            "join_group",
            json!("g".repeat(60_000)),
        ),
        ("`__proto__` as a group", "join_group", json!("__proto__")),
        (
            "another user's own room (`user:`)",
            "join_group",
            json!("user:ada"),
        ),
        ("a list of groups", "join_group", json!(["g", "own"])),
        (
            "fields of the prototype",
            "send_message",
            json!({"__proto__": {"groupId": "own", "content": "x"}}),
        ),
        (
            "a message of the system's own kind",
            "send_message",
            own(json!({"type": "SYSTEM"})),
        ),
        (
            "a text of 4,001 characters",
            "send_message",
            own(json!({"content": "x".repeat(4_001)})),
        ),
        (
            "a text of control characters alone",
            "send_message",
            own(json!({"content": "\u{0}\u{1b}\u{7f}\u{9b}\r\n"})),
        ),
        (
            "a reply to a message of another group",
            "send_message",
            own(json!({"replyToId": secret["id"]})),
        ),
        (
            "a reply to what is no message",
            "send_message",
            own(json!({"replyToId": "' OR 1=1"})),
        ),
        (
            "a `clientMessageId` with a line break",
            "send_message",
            own(json!({"clientMessageId": "a\nb"})),
        ),
        (
            "a file that does not exist",
            "send_message",
            own(json!({"attachmentIds": ["../../etc/passwd"]})),
        ),
        (
            "a page of a million",
            "get_group_messages",
            own(json!({"limit": 1_000_000})),
        ),
        (
            "a page of -1",
            "get_group_messages",
            own(json!({"limit": -1})),
        ),
        (
            "a number beyond what JavaScript knows",
            "get_group_messages",
            own(json!({"afterSeq": 9_007_199_254_740_992_u64})),
        ),
        (
            "a cursor of another list",
            "get_group_messages",
            own(json!({"cursor": "dXNlcjphZGE"})),
        ),
        (
            "a cursor of 60,000 characters",
            "get_group_messages",
            own(json!({"cursor": "A".repeat(60_000)})),
        ),
        (
            "a cursor with `afterSeq`",
            "get_group_messages",
            own(json!({"cursor": "c2VxOjQy", "afterSeq": 1})),
        ),
        (
            "another user's token to refresh with",
            "refresh_token",
            json!({"token": token("ada", 60)}),
        ),
        (
            "an event of the server's own: `message_received`",
            "message_received",
            own(json!({})),
        ),
        (
            "an event of the server's own: `session_closed`",
            "session_closed",
            own(json!({})),
        ),
        (
            "an event of administrators",
            "ban_member",
            own(json!({"userId": "ada"})),
        ),
        (
            "an event called `constructor`",
            "constructor",
            own(json!({})),
        ),
        ("an event called ``", "", own(json!({}))),
    ] {
        attempts.got(name, code(&eve.ask(event, argument).await));
    }
    let deep = format!(
        "[\"join_group\",{}{}]",
        "[".repeat(30_000),
        "]".repeat(30_000)
    );
    for (number, (name, packet)) in (1_000..).zip([
        ("nested 30,000 deep", deep.as_str()),
        ("no argument", "[\"join_group\"]"),
        ("two arguments", "[\"join_group\",\"own\",\"own\"]"),
        (
            "half a surrogate",
            "[\"send_message\",{\"groupId\":\"own\",\"content\":\"\\ud800\"}]",
        ),
        (
            "the same field twice",
            "[\"send_message\",{\"groupId\":\"own\",\"groupId\":\"g\",\"content\":\"x\"}]",
        ),
        (
            "a number without end",
            "[\"mark_read\",{\"groupId\":\"own\",\"seq\":1e999}]",
        ),
        (
            "a text of 120,000 escapes",
            &format!("[\"join_group\",\"{}\"]", "\\u0041".repeat(20_000)),
        ),
    ]) {
        attempts.got(name, ask_raw(&mut eve, number, packet).await);
    }

    let mine = eve
        .call(
            "send_message",
            own(json!({"senderId": "ada", "user": {"id": "ada"}, "id": secret["id"], "seq": 1})),
        )
        .await;
    assert_eq!(
        (&mine["senderId"], &mine["user"]["id"]),
        (&json!("eve"), &json!("eve"))
    );
    assert!(mine["id"] != secret["id"]);
    attempts.got(
        "another sender, id and `seq` named in the message",
        "one's own are taken",
    );
    let read = eve
        .call(
            "mark_read",
            json!({"groupId": "own", "seq": 9_007_199_254_740_991_u64}),
        )
        .await;
    assert_eq!(read["lastReadSeq"], mine["seq"]);
    attempts.got(
        "everything read for ever (`mark_read` far beyond the end)",
        "only what is there",
    );
    let markup = "<img src=x onerror=alert(1)>\u{202e}{{7*7}}${7*7}%s";
    let plain = eve
        .call("send_message", own(json!({"content": markup})))
        .await;
    assert_eq!(plain["content"], markup);
    attempts.got(
        "HTML, templates and formats in a text",
        "plain text, as it was written",
    );
    let mut other = server.connect("eve").await;
    let answer = other.ask("send_message", own(json!({}))).await;
    attempts.got(
        "sending from a socket that is not in the room",
        code(&answer),
    );
    server
        .admin("DELETE", "groups/own/members/eve", json!(null))
        .await;
    eve.wait_for("removed_from_group").await;
    let answer = eve.ask("send_message", own(json!({}))).await;
    attempts.got("sending after being removed", code(&answer));

    let mut answers = Vec::new();
    for start in (0..ROOMS).step_by(500) {
        let mut asked = Vec::new();
        for number in start..start + 500 {
            let room = json!(format!("room-{number}"));
            asked.push(eve.ask_later("join_group", room).await);
        }
        for ack in asked {
            answers.push(code(&eve.answer(ack).await));
        }
    }
    answers.dedup();
    attempts.got(
        "ten thousand groups by guessing, where events are not limited",
        answers.join(", then "),
    );

    let heard = ada.drain().await;
    assert!(
        heard
            .iter()
            .all(|(event, _)| event != "user_joined_group" && event != "user_typing"),
        "{heard:?}"
    );
    witness.is_unharmed().await;
    attempts.finish();
}
