//! What the samples are asked, and what the answers should be.

use crate::{
    contender::Contender::{self, Limit, Node, Socketioxide},
    samples::{Figure, Values},
};

/// A question to a row.
pub struct Question {
    /// What is asked.
    pub title: String,
    /// Whose samples.
    pub row: String,
    /// How a sample answers.
    pub value: Figure,
    /// What the medians should be.
    pub goals: Vec<Goal>,
}

/// The product's median beside another's.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// So many times as much as another's.
    AtLeast(f64, Contender),
    /// So many times as much as another's.
    AtMost(f64, Contender),
    /// So much.
    Below(f64),
}

impl Goal {
    /// What is wanted, what it is, and whether that is reached.
    pub fn judge(self, ours: f64, theirs: impl Fn(Contender) -> Option<f64>) -> Option<String> {
        let (wanted, is, reached) = match self {
            Self::AtLeast(factor, other) => {
                let ratio = ours / theirs(other)?;
                let wanted = format!("≥ {factor:.2} × {}", other.title());
                (wanted, format!("{ratio:.2}"), ratio >= factor)
            }
            Self::AtMost(factor, other) => {
                let ratio = ours / theirs(other)?;
                let wanted = format!("≤ {factor:.2} × {}", other.title());
                (wanted, format!("{ratio:.2}"), ratio <= factor)
            }
            Self::Below(most) => (format!("≤ {most}"), short(ours), ours <= most),
        };
        let mark = if reached {
            "reached"
        } else {
            "**not reached**"
        };
        Some(format!("{wanted}: {is}, {mark}"))
    }
}

/// All questions, in the order in which they are shown.
pub fn questions() -> Vec<Question> {
    let question = |title: String, row: &str, value: Figure, goals: &[Goal]| Question {
        title,
        row: row.to_owned(),
        value,
        goals: goals.to_vec(),
    };
    let mut questions = Vec::new();
    for (room, factor) in [(10, 1.4), (100, 1.5), (1_000, 1.3)] {
        questions.push(question(
            format!("deliveries per CPU second of the server, typing, rooms of {room}"),
            &format!("typing-{room}"),
            |values| Some(values.get("deliveries")? / values.get("server CPU")?),
            &[
                Goal::AtLeast(factor, Node),
                Goal::AtLeast(1.0 / 1.15, Socketioxide),
            ],
        ));
    }
    for room in [10, 100, 1_000] {
        questions.push(question(
            format!("deliveries per CPU second of all processes, stored messages, rooms of {room}"),
            &format!("messages-{room}"),
            |values| Some(values.get("deliveries")? / all_cpu(values)?),
            &[Goal::AtLeast(2.0, Node)],
        ));
    }
    for (rooms, title, factor) in [
        ("1000-rooms", "1,000 rooms", 3.0),
        ("1-room", "one hot room", 5.0),
    ] {
        questions.push(question(
            format!("messages stored a second, {title}"),
            &format!("stored-{rooms}"),
            |values| Some(values.get("acked")? / values.get("seconds")?),
            &[Goal::AtLeast(factor, Node)],
        ));
    }
    questions.push(question(
        "p99 of a delivery, typing, rooms of 100, ms".into(),
        "typing-100",
        |values| values.get("delivery p99").copied(),
        &[Goal::AtMost(0.5, Node), Goal::AtMost(3.0, Limit)],
    ));
    questions.push(question(
        "p99 of an ack, 500 messages a second, ms".into(),
        "acks",
        |values| values.get("ack p99").copied(),
        &[Goal::AtMost(0.5, Node)],
    ));
    questions.push(question(
        "handshakes per CPU second of the server".into(),
        "handshakes",
        |values| Some(values.get("handshakes")? / values.get("server CPU")?),
        &[Goal::AtLeast(4.0, Node)],
    ));
    questions.push(question(
        "resident memory with 10,000 idle clients, MiB".into(),
        "idle",
        |values| Some(values.get("resident KiB")? / 1_024.0),
        &[Goal::AtMost(1.0, Node)],
    ));
    questions.push(question(
        "of these, kB a client".into(),
        "idle",
        |values| {
            let grown = values.get("resident KiB")? - values.get("base KiB")?;
            Some(grown * 1.024 / values.get("clients")?)
        },
        &[Goal::Below(20.0)],
    ));
    questions.push(question(
        "p99 of a join, 1,000 at once, ms".into(),
        "join-storm-1000",
        |values| values.get("join p99").copied(),
        &[Goal::AtMost(0.3, Node)],
    ));
    for users in [250, 500, 1_000] {
        questions.push(question(
            format!("changes of presence told a client, {users} joins at once"),
            &format!("join-storm-{users}"),
            |values| Some(values.get("presence told")? / values.get("clients")?),
            &[],
        ));
    }
    questions
}

fn all_cpu(values: &Values) -> Option<f64> {
    let of = |name| values.get(name).copied();
    Some(of("server CPU")? + of("redis CPU")? + of("database CPU")?)
}

/// Three digits that count, and thousands apart.
pub fn short(figure: f64) -> String {
    match figure.abs() {
        size if size >= 1_000.0 => {
            let whole = format!("{figure:.0}");
            let (high, low) = whole.split_at(whole.len() - 3);
            format!("{high},{low}")
        }
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}
