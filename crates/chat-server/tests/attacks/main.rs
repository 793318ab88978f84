//! Attacks, each with a name and with the answer that it gets. None of them harms anybody else.
//!
//! Each module has a table of attacks, and tries all of them. `docs/security.md` shows the same tables.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::too_many_lines, reason = "most of it is tables")]

mod engine;
mod events;
mod http;
#[path = "../support/mod.rs"]
mod support;
mod tokens;

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Value, json};
use support::{Client, Server};

/// The name of each attack, and its answer.
type Table = &'static [(&'static str, &'static str)];

/// What was tried of a table.
struct Attempts {
    table: Table,
    tried: BTreeSet<&'static str>,
    wrong: Vec<String>,
}

impl Attempts {
    /// Nothing yet.
    fn at(table: Table) -> Self {
        Self {
            table,
            tried: BTreeSet::new(),
            wrong: Vec::new(),
        }
    }

    /// What the table says.
    fn expected(&self, name: &str) -> &'static str {
        let expected = self.table.iter().find(|(known, _)| *known == name);
        expected.map_or("", |(_, expected)| *expected)
    }

    /// An attack got this answer.
    fn got(&mut self, name: &'static str, answer: impl AsRef<str>) {
        let answer = answer.as_ref();
        if self.expected(name) != answer {
            self.wrong.push(format!("    ({name:?}, {answer:?}),"));
        }
        self.tried.insert(name);
    }

    /// All of them were tried, and got what the table says.
    fn finish(self) {
        let all = self.table.iter().map(|(name, _)| *name);
        let idle: Vec<_> = all.filter(|name| !self.tried.contains(name)).collect();
        assert!(
            self.wrong.is_empty(),
            "these are other:\n{}",
            self.wrong.join("\n")
        );
        assert!(idle.is_empty(), "these were not tried: {idle:?}");
    }
}

/// Somebody who chats while others attack.
struct Witness(Client);

impl Witness {
    /// In a room of its own with somebody who is no member of it.
    async fn come(server: &Server) -> Self {
        server.group("quiet", &["witness"]).await;
        Self(server.join("witness", "quiet").await)
    }

    /// Still there, and heard nothing but itself.
    async fn is_unharmed(&mut self) {
        for round in 0..3 {
            let said = json!({"groupId": "quiet", "content": format!("round {round}")});
            self.0.call("send_message", said).await;
        }
        for (event, payload) in self.0.drain().await {
            let about = &payload["groupId"];
            assert!(
                about == "quiet" || about == "no-such-group",
                "{event}: {payload}"
            );
            assert!(payload["senderId"].is_null() || payload["senderId"] == "witness");
        }
    }
}

/// Settings under which one machine attacks without being held up.
const WITHOUT_LIMITS: &[(&str, &str)] = &[
    ("CHAT_LIMITS__MESSAGE_BURST", "0"),
    ("CHAT_LIMITS__EVENT_BURST", "0"),
    ("CHAT_LIMITS__CONNECTIONS_PER_USER", "0"),
];

/// The code of a refusal, or what else the answer is.
fn code(answer: &Value) -> String {
    match answer["error"]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => format!("{answer}"),
    }
}

#[test]
fn the_document_shows_these_attacks_and_no_others() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/security.md");
    let text = std::fs::read_to_string(file).unwrap();
    let mut wanted = String::new();
    for (module, table) in [
        ("tokens", tokens::ATTACKS),
        ("http", http::ATTACKS),
        ("engine", engine::ATTACKS),
        ("events", events::ATTACKS),
    ] {
        for (name, answer) in table {
            let _ = writeln!(wanted, "| {name} | {answer} | `attacks::{module}` |");
        }
    }

    let is_row = |line: &&str| line.contains("| `attacks::");
    let shown: Vec<&str> = text.lines().filter(is_row).collect();

    let count = wanted.lines().count();
    assert!(count >= 60, "{count}");
    assert_eq!(
        shown,
        wanted.lines().collect::<Vec<_>>(),
        "put these there:\n{wanted}"
    );
}
