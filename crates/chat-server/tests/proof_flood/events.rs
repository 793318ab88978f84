//! Events of connections that are signed in, all of one user.

use std::sync::Arc;

use chat_testkit::{chat_server::ChatServer, proof::Claim};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    door::{Door, FLOODER},
    play::{Flood, Hand, PROGRAM, Tally, make_groups},
    support::{Client, Site},
};

const FLOOD: Flood = Flood {
    claim: Claim::FloodOfEvents,
    limit: 500,
    hands: 8,
    blow: 50,
};

/// After so many of them it begins again with a new connection: by then it was put out.
const EVENTS_PER_CONNECTION: u64 = 500;

struct Talker {
    door: Door,
    talking: Option<(Client, u64)>,
}

impl Hand for Talker {
    async fn strike(&mut self, tally: &Arc<Tally>) {
        let (mut client, sent) = match self.talking.take() {
            Some(talking) => talking,
            None => (self.door.join(FLOODER, "flooder", "flooded").await, 0),
        };
        let message = json!(["send_message", {"groupId": "flooded", "content": "x"}]);
        let event = format!("42{message}");
        for _ in 0..FLOOD.blow {
            client.send_raw(Message::text(event.as_str())).await;
        }
        let sent = sent + FLOOD.blow;
        if sent < EVENTS_PER_CONNECTION {
            self.talking = Some((client, sent));
            return;
        }
        let heard = client.read_to_the_end().await;
        let refused = heard.iter().filter(|(event, _)| event == "error");
        // What came after the end was not even looked at.
        let ignored = EVENTS_PER_CONNECTION.saturating_sub(heard.len() as u64);
        tally.refused(refused.count() as u64 + ignored);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_a_hundred_times_too_many_events_disturbs_nobody() {
    let server = ChatServer::start(PROGRAM, &[]).await;
    make_groups(&server).await;
    let site = Site {
        address: server.address(),
    };
    site.group("flooded", &["flooder"]).await;
    let door = Door::plain(server.address());

    let hand = |_| Talker {
        door: door.clone(),
        talking: None,
    };
    FLOOD.play(&door, hand).await;
}
