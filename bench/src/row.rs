//! Under which load the contenders are measured.

use crate::contender::Contender::{self, ChatServer, Limit, Node, NodeUws, Socketioxide};

/// What all rows of deliveries offer.
const DELIVERIES_PER_SECOND: u32 = 30_000;
const EVERYBODY: &[Contender] = &[ChatServer, Node, NodeUws, Socketioxide, Limit];
const WHOLE_CHATS: &[Contender] = &[ChatServer, Node, NodeUws];
/// Everybody is told of everything, in rooms of any size.
const SMALL: &[(&str, &str)] = &[("CHAT_ROOMS__LARGE", "0")];

/// One load, and who gets it.
pub struct Row {
    /// What it is called on the command line and in the samples.
    pub name: String,
    /// In the order in which they are measured.
    pub contenders: &'static [Contender],
    /// Arguments of `chat-load`.
    pub load: String,
    /// How long it goes on, if that is to be said, and so does the same before it, so that programs and caches are warm.
    pub lasts: Option<Lasts>,
    /// Settings of the server for this row.
    pub settings: &'static [(&'static str, &'static str)],
}

/// Seconds.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Lasts {
    pub warm_up: u32,
    pub measured: u32,
}

impl Row {
    /// A load that is played once, as it is.
    pub fn new(
        name: impl Into<String>,
        contenders: &'static [Contender],
        load: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            contenders,
            load: load.into(),
            lasts: None,
            settings: &[],
        }
    }
}

/// All rows, each measured for so many seconds.
pub fn rows(seconds: u32) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |row: Row, seconds: u32, settings| {
        let warm_up = (seconds / 3).max(1);
        let measured = seconds;
        let lasts = Some(Lasts { warm_up, measured });
        rows.push(Row {
            lasts,
            settings,
            ..row
        });
    };
    for room in [10, 100, 1_000] {
        // To all but who types.
        let rate = DELIVERIES_PER_SECOND / (room - 1);
        let load = format!(
            "typing --clients {} --room-size {room} --rate {rate}",
            room.max(500)
        );
        add(
            Row::new(format!("typing-{room}"), EVERYBODY, load),
            seconds,
            SMALL,
        );
    }
    for room in [10, 100, 1_000] {
        let rate = DELIVERIES_PER_SECOND / room;
        let load = format!(
            "fan-out --clients {} --room-size {room} --rate {rate}",
            room.max(500)
        );
        add(
            Row::new(format!("messages-{room}"), WHOLE_CHATS, load),
            seconds,
            SMALL,
        );
    }
    // A burst that nobody can store at once: what counts is how long it takes.
    for (name, load) in [
        (
            "stored-1000-rooms",
            "many-rooms --clients 1000 --rooms 1000 --room-size 2 --rate 20000",
        ),
        (
            "stored-1-room",
            "fan-out --clients 30 --room-size 30 --rate 12000",
        ),
    ] {
        add(Row::new(name, WHOLE_CHATS, load), 1, &[]);
    }
    let load = "fan-out --clients 500 --room-size 10 --rate 500";
    add(Row::new("acks", WHOLE_CHATS, load), seconds, &[]);
    let load = "handshakes --clients 500 --rate 1000";
    let contenders = &[ChatServer, Node, NodeUws, Socketioxide];
    add(Row::new("handshakes", contenders, load), seconds, &[]);

    // So slowly that nobody has to wait and come again.
    let load =
        "idle --clients 10000 --room-size 10 --seconds 2 --connects-per-second 300 --gather 120";
    rows.push(Row::new("idle", WHOLE_CHATS, load));
    for users in [250, 500, 1_000] {
        let load = format!("join-storm --clients {users}");
        rows.push(Row::new(format!("join-storm-{users}"), WHOLE_CHATS, load));
    }
    rows
}
