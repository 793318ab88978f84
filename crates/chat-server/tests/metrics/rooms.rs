//! Rooms by how many are in them, and what waits at a node while many are told something.

use serde_json::json;
use sqlx::{Connection, SqliteConnection};

use crate::{
    Moves, start,
    support::{Client, Site},
    watch::Watch,
};

pub const MOVES: Moves = &[
    (
        "chat_rooms_by_users",
        "users",
        &["1", "2-10", "11-100", "101-500", "501+"],
    ),
    ("chat_queue_length", "queue", &["runtime"]),
];

const USERS: usize = 501;

/// Members of the room `g`, in the words of their tokens.
const MEMBERS: &str = "
    with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 501)
    insert into users (id, name, created_at, updated_at) select 'u' || n, 'U' || n, 0, 0 from numbers;
    insert into group_members (group_id, user_id, role, last_read_seq, joined_at)
        select 'g', id, 'MEMBER', 0, 0 from users where id like 'u%'";

#[tokio::test]
async fn a_room_is_in_one_class_after_the_other_as_it_grows() {
    // Nobody is told of each single one who comes.
    let (server, site) = start(&[
        ("CHAT_ROOMS__LARGE", "1"),
        ("CHAT_ROOMS__MEMBERS_UPDATE_INTERVAL_MS", "60000"),
        ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "0"),
        ("CHAT_LIMITS__MESSAGE_BURST", "0"),
        ("CHAT_LIMITS__EVENT_BURST", "0"),
    ])
    .await;
    site.group("g", &["owner"]).await;
    let file = format!("sqlite://{}", server.file().display());
    let mut database = SqliteConnection::connect(&file).await.unwrap();
    sqlx::raw_sql(MEMBERS).execute(&mut database).await.unwrap();
    let mut watch = Watch::begin(site.address).await;

    let mut there = 0;
    for (size, class) in [(1, "1"), (2, "2-10"), (11, "11-100"), (101, "101-500")] {
        while there < size {
            there += 1;
            come(&site, there).await;
        }
        watch.shows(&in_class(class), 1).await;
    }
    watch.shows(&in_class("1"), 0).await;
    while there < USERS - 1 {
        there += 1;
        come(&site, there).await;
    }
    let mut speaker = site.join(&format!("u{USERS}"), "g").await;
    watch.shows(&in_class("501+"), 1).await;

    // Each of them has a task of its own that has to write.
    let said = json!({"groupId": "g", "content": "hello"});
    loop {
        let (_, is_seen) = tokio::join!(
            speaker.call("send_message", said.clone()),
            watch.sees("chat_queue_length{queue=\"runtime\"}", 0),
        );
        if is_seen {
            break;
        }
        speaker.take_heard();
    }
    watch.has_seen(MOVES);
}

fn in_class(users: &str) -> String {
    format!("chat_rooms_by_users{{users=\"{users}\"}}")
}

/// Somebody who reads all there is to read, and answers pings.
async fn come(site: &Site, number: usize) {
    let mut client: Client = site.join(&format!("u{number}"), "g").await;
    tokio::spawn(async move { while client.receive().await.is_some() {} });
}
