//! A client without a WebSocket, which asks for what waits.

use serde_json::{Value, json};

use super::{Site, token};

/// What stands between the packets of one answer.
const BETWEEN_PACKETS: char = '\u{1e}';

/// One Socket.IO connection over requests.
pub struct Poller {
    http: reqwest::Client,
    url: String,
    /// Every event that has come.
    pub heard: Vec<(String, Value)>,
}

impl Poller {
    /// Opens the transport, and no more.
    pub async fn open(site: &Site) -> Self {
        Self::open_with(reqwest::Client::new(), site).await
    }

    /// Does the same with another client.
    pub async fn open_with(http: reqwest::Client, site: &Site) -> Self {
        let url = format!("http://{}/socket.io/?EIO=4&transport=polling", site.address);
        let open = http.get(&url).send().await.unwrap().text().await.unwrap();
        let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        let url = format!("{url}&sid={}", open["sid"].as_str().unwrap());
        Self {
            http,
            url,
            heard: Vec::new(),
        }
    }

    /// Connects as a user, and joins the room.
    pub async fn join(site: &Site, user: &str, group: &str) -> Self {
        Self::join_with(reqwest::Client::new(), site, user, group).await
    }

    /// Does the same with another client.
    pub async fn join_with(http: reqwest::Client, site: &Site, user: &str, group: &str) -> Self {
        let mut poller = Self::open_with(http, site).await;
        let auth = json!({"token": token(user, 3_600)});
        poller.post(format!("40{auth}")).await;
        poller.read_until(|event, _| event == "session").await;
        poller
            .post(format!("42{}", json!(["join_group", group])))
            .await;
        poller
            .read_until(|event, _| event == "joined_group_success")
            .await;
        poller
    }

    /// Polls until such an event has come.
    pub async fn read_until(&mut self, is_it: impl Fn(&str, &Value) -> bool) {
        let mut seen = self.heard.len();
        loop {
            if self.heard[seen..]
                .iter()
                .any(|(event, payload)| is_it(event, payload))
            {
                return;
            }
            seen = self.heard.len();
            let (status, body) = self.poll().await;
            assert_eq!(status, 200, "{body}");
            for packet in body.split(BETWEEN_PACKETS) {
                self.take(packet).await;
            }
        }
    }

    /// What the server calls the session.
    pub fn sid(&self) -> &str {
        self.url.rsplit_once('=').unwrap().1
    }

    /// Polls until the session is known no more.
    pub async fn ended(&mut self) {
        while self.poll().await.0 == 200 {}
    }

    async fn take(&mut self, packet: &str) {
        if packet == "2" {
            self.post("3".to_owned()).await;
        } else if let Some(event) = packet.strip_prefix("42") {
            self.heard.push(serde_json::from_str(event).unwrap());
        }
    }

    async fn poll(&self) -> (u16, String) {
        let answer = self.http.get(&self.url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The beginning of a request that sends so many bytes.
    pub fn begin_post(&self, bytes: usize) -> String {
        let (_, rest) = self.url.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        format!("POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {bytes}\r\n\r\n4")
    }

    /// Sends a packet. Returns the status.
    pub async fn try_post(&self, packet: String) -> u16 {
        let answer = self.http.post(&self.url).body(packet).send().await.unwrap();
        answer.status().as_u16()
    }

    /// Sends a packet.
    pub async fn post(&self, packet: String) {
        assert_eq!(self.try_post(packet).await, 200);
    }
}
