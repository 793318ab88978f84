//! Requests of the HTTP API: with a good token, with a wrong one, and to send messages.

use std::{net::IpAddr, sync::Arc};

use chat_testkit::{chat_server::ChatServer, proof::Claim};
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    door::{Door, FLOODER},
    play::{Flood, Hand, PROGRAM, Tally, make_groups},
    support::token,
};

const FLOOD: Flood = Flood {
    claim: Claim::FloodOfRequests,
    limit: 200,
    hands: 16,
    blow: 1,
};

const SETTINGS: [(&str, &str); 2] = [
    ("CHAT_LIMITS__ADDRESS_REQUEST_BURST", "20"),
    ("CHAT_LIMITS__ADDRESS_REQUESTS_PER_SECOND", "20"),
];

struct Asker {
    http: reqwest::Client,
    url: String,
    token: String,
    asked: u64,
}

impl Hand for Asker {
    async fn strike(&mut self, tally: &Arc<Tally>) {
        self.asked += 1;
        let path = |path: &str| format!("{}/{path}", self.url);
        let request = match self.asked % 3 {
            0 => self.http.get(path("users/me")).bearer_auth(&self.token),
            1 => self.http.get(path("users/me")).bearer_auth("wrong"),
            _ => {
                let message = json!({"content": "x".repeat(1_000)});
                let request = self.http.post(path("groups/quiet0/messages"));
                request.bearer_auth(&self.token).json(&message)
            }
        };
        let answer = request.send().await.unwrap();
        let is_too_much = answer.status() == StatusCode::TOO_MANY_REQUESTS;
        tally.refused(is_too_much.into());
        answer.bytes().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_a_hundred_times_too_many_requests_disturbs_nobody() {
    let server = ChatServer::start(PROGRAM, &SETTINGS).await;
    make_groups(&server).await;
    let door = Door::plain(server.address());
    let from = reqwest::Client::builder().local_address(IpAddr::V4(FLOODER));
    let http = from.build().unwrap();

    let hand = |number| Asker {
        http: http.clone(),
        url: format!("{}/api/v1", server.url()),
        token: token(&format!("flooder{number}"), 3_600),
        asked: number,
    };
    FLOOD.play(&door, hand).await;
}
