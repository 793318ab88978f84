//! Every figure of `/metrics` moves when something causes it, and is on the page that lists them.
//!
//! Each module has a table of what its tests make move: `docs/metrics.md` lists all of that, and nothing else. A
//! [`watch`] looks at one server again and again, and knows what has moved since its first look; whatever it sees has to
//! be on the [`page`].

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod connections;
mod events;
mod exposition;
mod fleet;
mod limits;
mod log;
mod outage;
mod page;
mod process;
mod promtool;
mod requests;
mod rooms;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use std::collections::BTreeSet;

use chat_testkit::chat_server::ChatServer;
use support::Site;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// What tests make move: a metric, one of its labels, and the values of that. A metric without labels has none.
type Moves = &'static [(&'static str, &'static str, &'static [&'static str])];

/// One value of one label of a metric, as `name{label="value"}`; or a metric without labels.
type Fact = String;

fn facts(moves: Moves) -> impl Iterator<Item = Fact> {
    moves.iter().flat_map(|(metric, label, values)| {
        let plain = values.is_empty().then(|| (*metric).to_owned());
        let labelled = values
            .iter()
            .map(move |value| fact(metric, Some((label, value))));
        plain.into_iter().chain(labelled)
    })
}

fn fact(metric: &str, label: Option<(&str, &str)>) -> Fact {
    label.map_or_else(
        || metric.to_owned(),
        |(label, value)| format!("{metric}{{{label}=\"{value}\"}}"),
    )
}

/// A server process with these settings, and where it is.
async fn start(settings: &[(&str, &str)]) -> (ChatServer, Site) {
    let server = ChatServer::start(PROGRAM, settings).await;
    let address = server.address();
    (server, Site { address })
}

#[test]
fn the_page_lists_what_moves_in_a_test_and_nothing_else() {
    let moved: BTreeSet<Fact> = [
        connections::MOVES,
        connections::MOVES_LATER,
        connections::MOVES_TURNED_AWAY,
        events::MOVES,
        fleet::MOVES,
        fleet::MOVES_WHEN_IT_STOPS,
        limits::MOVES,
        log::MOVES,
        outage::MOVES,
        process::MOVES,
        requests::MOVES,
        rooms::MOVES,
    ]
    .into_iter()
    .flat_map(facts)
    .collect();

    let listed = &page::page().facts;

    let idle: Vec<_> = listed.difference(&moved).collect();
    let hidden: Vec<_> = moved.difference(listed).collect();
    assert!(idle.is_empty(), "these move in no test: {idle:#?}");
    assert!(hidden.is_empty(), "these are not on the page: {hidden:#?}");
    assert!(listed.len() > 100, "{}", listed.len());
}
