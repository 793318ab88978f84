//! Connections that are held: by whoever says nothing, says half a request, or has signed in.

use std::{sync::Arc, time::Duration};

use chat_testkit::{chat_server::ChatServer, proof::Claim};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
    time::timeout,
};

use crate::{
    door::{Door, FLOODER},
    play::{Flood, Hand, PROGRAM, Tally, make_groups},
    support::token,
};

/// So many TCP connections one address may hold; in ten seconds it tries to hold a hundred times as many.
const FLOOD: Flood = Flood {
    claim: Claim::FloodOfConnections,
    limit: 256,
    hands: 16,
    blow: 1,
};

/// Ten of them signed in.
const SETTINGS: [(&str, &str); 1] = [("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "10")];

/// Whoever is not refused by then holds it.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);

struct Holder {
    door: Door,
    user: String,
    held: JoinSet<()>,
    begun: u64,
}

impl Holder {
    async fn hold(door: Door, begun: u64, user: String, tally: Arc<Tally>) {
        if begun.is_multiple_of(8) {
            let Ok(mut client) = door.open(FLOODER).await else {
                return tally.refused(1);
            };
            let auth = json!({"token": token(&user, 3_600)});
            client.send(&format!("40{auth}")).await;
            while let Some(answer) = client.receive().await {
                tally.refused(answer.starts_with("44").into());
            }
            return;
        }
        let Ok(mut stream) = door.knock(FLOODER).await else {
            return tally.refused(1);
        };
        let said: &[u8] = if begun.is_multiple_of(2) {
            b""
        } else {
            b"GET /socket.io/?EIO=4"
        };
        let _ = stream.write_all(said).await;
        let mut heard = Vec::new();
        let mut holding = Box::pin(stream.read_to_end(&mut heard));
        match timeout(REFUSED_WITHIN, &mut holding).await {
            Ok(_) => tally.refused(1),
            Err(_) => drop(holding.await),
        }
    }
}

impl Hand for Holder {
    async fn strike(&mut self, tally: &Arc<Tally>) {
        self.begun += 1;
        let user = format!("{}-{}", self.user, self.begun);
        let holding = Self::hold(self.door.clone(), self.begun, user, Arc::clone(tally));
        self.held.spawn(holding);
        while self.held.try_join_next().is_some() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_a_hundred_times_too_many_connections_disturbs_nobody() {
    let server = ChatServer::start(PROGRAM, &SETTINGS).await;
    make_groups(&server).await;
    let door = Door::plain(server.address());

    let hand = |number| Holder {
        door: door.clone(),
        user: format!("flooder{number}"),
        held: JoinSet::new(),
        begun: number,
    };
    FLOOD.play(&door, hand).await;
}
