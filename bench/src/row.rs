//! Under which load the contenders are measured.

use crate::contender::Contender::{self, ChatServer, Limit, Node, NodeUws, Socketioxide};

/// What all rows of deliveries offer.
const DELIVERIES_PER_SECOND: u32 = 30_000;
const EVERYBODY: &[Contender] = &[ChatServer, Node, NodeUws, Socketioxide, Limit];
const WHOLE_CHATS: &[Contender] = &[ChatServer, Node, NodeUws];
const SINGLE_CHANGES: &[(&str, &str)] = &[("CHAT_ROOMS__LARGE", "0")];

/// One load, and who gets it.
pub struct Row {
    /// What it is called on the command line and in the samples.
    pub name: String,
    /// In the order in which they are measured.
    pub contenders: &'static [Contender],
    /// Arguments of `chat-load` that are played before, so that programs and caches are warm.
    pub warm_up: Option<String>,
    /// Arguments of `chat-load`.
    pub load: String,
    /// Settings of the server for this row.
    pub settings: &'static [(&'static str, &'static str)],
}

impl Row {
    /// A load that is played as it is.
    pub fn new(name: impl Into<String>, contenders: &'static [Contender], load: &str) -> Self {
        Self {
            name: name.into(),
            contenders,
            warm_up: None,
            load: format!("{load} --connects-per-second 2000"),
            settings: &[],
        }
    }

    /// With the same load for that long before it.
    fn warmed(mut self, seconds: u32, warm_up_seconds: u32) -> Self {
        let (long, short) = (
            format!("--seconds {seconds} "),
            format!("--seconds {warm_up_seconds} "),
        );
        self.warm_up = Some(self.load.replace(&long, &short));
        self
    }
}

/// All rows, each measured for so many seconds.
pub fn rows(seconds: u32) -> Vec<Row> {
    let warm_up = (seconds / 3).max(1);
    let warmed = |row: Row| row.warmed(seconds, warm_up);
    let clients = |room: u32| room.max(500);
    let mut rows = Vec::new();
    for room in [10, 100, 1_000] {
        let load = format!(
            "typing --clients {} --room-size {room} --rate {} --seconds {seconds} ",
            clients(room),
            DELIVERIES_PER_SECOND / (room - 1)
        );
        let row = warmed(Row::new(format!("typing-{room}"), EVERYBODY, &load));
        rows.push(Row {
            settings: SINGLE_CHANGES,
            ..row
        });
    }
    for room in [10, 100, 1_000] {
        let load = format!(
            "fan-out --clients {} --room-size {room} --rate {} --seconds {seconds} ",
            clients(room),
            DELIVERIES_PER_SECOND / room
        );
        let row = warmed(Row::new(format!("messages-{room}"), WHOLE_CHATS, &load));
        rows.push(Row {
            settings: SINGLE_CHANGES,
            ..row
        });
    }
    // A burst that nobody can store at once: what counts is how long it takes.
    rows.push(warmed(Row::new(
        "stored-1000-rooms",
        WHOLE_CHATS,
        "many-rooms --clients 1000 --rooms 1000 --room-size 2 --rate 10000 --seconds 1 ",
    )));
    rows.push(warmed(Row::new(
        "stored-1-room",
        WHOLE_CHATS,
        "fan-out --clients 30 --room-size 30 --rate 5000 --seconds 1 ",
    )));
    rows.push(warmed(Row::new(
        "acks",
        WHOLE_CHATS,
        &format!("fan-out --clients 500 --room-size 10 --rate 500 --seconds {seconds} "),
    )));
    rows.push(warmed(Row::new(
        "handshakes",
        &[ChatServer, Node, NodeUws, Socketioxide],
        &format!("handshakes --clients 500 --rate 1000 --seconds {seconds} "),
    )));
    rows.push(Row::new(
        "idle",
        WHOLE_CHATS,
        "idle --clients 10000 --room-size 10 --seconds 2 ",
    ));
    for users in [250, 500, 1_000] {
        rows.push(Row::new(
            format!("join-storm-{users}"),
            WHOLE_CHATS,
            &format!("join-storm --clients {users} "),
        ));
    }
    rows
}
