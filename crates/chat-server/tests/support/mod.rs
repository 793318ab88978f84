//! A server in this process on a port of its own, and a small client that can misbehave.
//!
//! The client speaks Engine.IO and Socket.IO by hand, over one WebSocket: `0` open, `2` ping, `3` pong, `40` connect,
//! `41` disconnect, `42` event, `43` acknowledgement, `44` refusal.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod issuer;
pub mod polling;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    ops::Deref,
    sync::Arc,
    time::Duration,
};

use chat_server::{Mode, run};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use tokio_util::task::AbortOnDropHandle;

pub const SECRET: &str = "a secret that is long enough for HS256";
pub const ADMIN_KEY: &str = "a key that is long enough for the admin";

/// Generous: a test waits for a condition, never for time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than a server is ever silent in a test that waits for what it says.
const SILENCE: Duration = Duration::from_secs(60);

/// What is not answered by then was most likely passed over.
const IS_ANSWERED_WITHIN: Duration = Duration::from_millis(500);

/// Where a server is: what can be done there from outside.
#[derive(Clone, Copy)]
pub struct Site {
    pub address: SocketAddr,
}

/// A running server.
pub struct Server {
    site: Site,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Server {
    /// A server with these settings besides its own.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), settings).await
    }

    /// A server that somebody else signs tokens for.
    pub async fn start_without_secret(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut environment = environment(&folder, settings);
        environment.remove("CHAT_AUTH__SECRET");
        Self::run(folder, environment).await
    }

    /// A server that nobody administers over HTTP.
    pub async fn start_without_key(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut environment = environment(&folder, settings);
        environment.remove("CHAT_ADMIN__KEY");
        Self::run(folder, environment).await
    }

    /// A server on the file of another one that was stopped.
    pub async fn start_in(folder: TempDir, settings: &[(&str, &str)]) -> Self {
        let environment = environment(&folder, settings);
        Self::run(folder, environment).await
    }

    async fn run(folder: TempDir, environment: HashMap<String, String>) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let config = chat_server::config::load(None, environment).unwrap();
        let running = tokio::spawn(async move {
            let stopping = async {
                let _ = stopped.await;
            };
            run(config, Mode::Production, tcp, stopping).await.unwrap();
        });
        Self {
            site: Site { address },
            folder,
            stop: Some(stop),
            running,
        }
    }

    /// Stops the server as SIGTERM does, and waits for it. Returns the folder of its file.
    pub async fn stop(mut self) -> TempDir {
        self.begin_to_stop();
        timeout(PATIENCE, self.running)
            .await
            .expect("it stops in time")
            .unwrap();
        self.folder
    }

    /// Waits until the server has ended by itself.
    pub async fn ended(self) {
        timeout(PATIENCE, self.running)
            .await
            .expect("it ends in time")
            .unwrap();
    }

    /// Stops the server without waiting.
    pub fn begin_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// The file of the database.
    pub fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("chat.db")
    }
}

impl Deref for Server {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Site {
    /// Makes a group with these members; the first one owns it.
    pub async fn group(&self, group: &str, members: &[&str]) {
        let path = format!("groups/{group}");
        let owner = members[0];
        self.admin("PUT", &path, json!({"name": group, "ownerId": owner}))
            .await;
        for member in &members[1..] {
            self.admin("PUT", &format!("{path}/members/{member}"), json!({}))
                .await;
        }
    }

    /// Asks as the administrator; it has to succeed.
    pub async fn admin(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, body) = self
            .http(method, &format!("admin/{path}"), ADMIN_KEY, body)
            .await;
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {body}"
        );
        body
    }

    /// Asks with a token. Returns the status and the body.
    pub async fn http(&self, method: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let request = reqwest::Client::new()
            .request(method.parse().unwrap(), url)
            .bearer_auth(token);
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Connects as a user, and takes the event `session` away.
    pub async fn connect(&self, user: &str) -> Client {
        let mut client = Client::open(self.address).await;
        client.sign_in(user).await;
        client
    }

    /// Connects with a token. `Err` has the refusal.
    pub async fn connect_with(&self, token: &str) -> Result<Client, String> {
        let mut client = Client::open(self.address).await;
        client.send(&format!("40{}", json!({"token": token}))).await;
        let answer = client.packet().await;
        if !answer.starts_with("40") {
            return Err(answer);
        }
        client.wait_for("session").await;
        Ok(client)
    }

    /// Joins the room as somebody who reads only when something is waited for. Little fits into the network meanwhile.
    pub async fn join_slowly(&self, user: &str, group: &str) -> Client {
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(SMALL_WINDOW).unwrap();
        let stream = tcp.connect(self.address).await.unwrap();
        let url = transport(self.address);
        let client = Client::reading_ahead(NEXT_TO_NOTHING, stream, &url, &[]);
        let mut client = client.await.unwrap();
        client.sign_in(user).await;
        client.call("join_group", json!(group)).await;
        client
    }

    /// Connects as a user, and joins the room.
    pub async fn join(&self, user: &str, group: &str) -> Client {
        let mut client = self.connect(user).await;
        client.call("join_group", json!(group)).await;
        client
    }
}

fn environment(folder: &TempDir, settings: &[(&str, &str)]) -> HashMap<String, String> {
    let file = folder.path().join("chat.db");
    let mut environment = HashMap::from([
        (
            "CHAT_DATABASE__URL".to_owned(),
            format!("sqlite://{}", file.display()),
        ),
        ("CHAT_AUTH__SECRET".to_owned(), SECRET.to_owned()),
        ("CHAT_ADMIN__KEY".to_owned(), ADMIN_KEY.to_owned()),
    ]);
    for (name, value) in settings {
        environment.insert((*name).to_owned(), (*value).to_owned());
    }
    environment
}

/// A token for a user that holds for so many seconds; fewer than none: it has expired.
pub fn token(user: &str, seconds: i64) -> String {
    let now = i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap();
    let claims = json!({"sub": user, "name": user.to_uppercase(), "exp": now + seconds});
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

/// A token of a user for an hour, with a name by which it can be revoked.
pub fn named_token(user: &str, name: &str) -> String {
    let exp = jsonwebtoken::get_current_timestamp() + 3_600;
    let claims = json!({"sub": user, "name": user.to_uppercase(), "exp": exp, "jti": name});
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

fn transport(address: SocketAddr) -> String {
    format!("ws://{address}/socket.io/?EIO=4&transport=websocket")
}

/// What a connection goes over.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// What a client reads before somebody asks for it: as good as everything.
const EVERYTHING: usize = 1 << 20;

/// Of a client that does not read: packets, and bytes in its kernel.
const NEXT_TO_NOTHING: usize = 1;
const SMALL_WINDOW: u32 = 4_096;

type Socket = WebSocketStream<Box<dyn Wire>>;
type Outgoing = Arc<Mutex<SplitSink<Socket, Message>>>;

/// One Socket.IO connection, by hand. It answers pings, also while the test waits for something else.
pub struct Client {
    outgoing: Outgoing,
    incoming: mpsc::Receiver<String>,
    _reading: AbortOnDropHandle<()>,
    /// What the server calls the session: a secret of this client.
    pub sid: String,
    next_ack: u64,
    /// Events that came while something else was waited for.
    heard: VecDeque<(String, Value)>,
}

impl Client {
    /// Opens the transport, and no more.
    pub async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, &[]).await.unwrap()
    }

    /// Opens the transport with these headers.
    pub async fn open_with(
        address: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let stream = TcpStream::connect(address).await?;
        Self::over(stream, &transport(address), headers).await
    }

    /// Opens the transport on a connection that is there.
    pub async fn over(
        stream: impl Wire + 'static,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        Self::reading_ahead(EVERYTHING, stream, url, headers).await
    }

    async fn reading_ahead(
        packets: usize,
        stream: impl Wire + 'static,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream: Box<dyn Wire> = Box::new(stream);
        let (socket, _) = client_async(request, stream).await?;
        let (outgoing, stream) = socket.split();
        let outgoing = Arc::new(Mutex::new(outgoing));
        let (read, incoming) = mpsc::channel(packets);
        let reading = tokio::spawn(read_on(stream, Arc::clone(&outgoing), read));
        let mut client = Self {
            outgoing,
            incoming,
            _reading: AbortOnDropHandle::new(reading),
            sid: String::new(),
            next_ack: 0,
            heard: VecDeque::new(),
        };
        let open = client.packet().await;
        assert!(open.starts_with('0'), "{open}");
        let open: Value = serde_json::from_str(&open[1..]).unwrap();
        open["sid"].as_str().unwrap().clone_into(&mut client.sid);
        Ok(client)
    }

    async fn sign_in(&mut self, user: &str) {
        let auth = json!({"token": token(user, 3_600)});
        self.send(&format!("40{auth}")).await;
        self.wait_after_connect("session").await;
    }

    /// Sends a packet as it is.
    pub async fn send(&mut self, packet: &str) {
        let packet = Message::text(packet);
        self.outgoing.lock().await.send(packet).await.unwrap();
    }

    /// Sends a packet, if the connection still takes it.
    pub async fn try_send(&mut self, packet: &str) -> bool {
        let packet = Message::text(packet);
        self.outgoing.lock().await.send(packet).await.is_ok()
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&mut self, message: Message) {
        let _ = self.outgoing.lock().await.send(message).await;
    }

    /// Tries to sign in until that is answered: what comes while an attempt before still ends is passed over. Returns
    /// the answer, or `None` if the connection has ended.
    pub async fn try_to_sign_in(&mut self, token: &str) -> Option<String> {
        let connect = format!("40{}", json!({"token": token}));
        loop {
            self.try_send(&connect).await;
            if let Ok(answer) = timeout(IS_ANSWERED_WITHIN, self.receive()).await {
                return answer;
            }
        }
    }

    /// Sends an event without asking for an answer.
    pub async fn emit(&mut self, event: &str, argument: Value) {
        self.send(&format!("42{}", json!([event, argument]))).await;
    }

    /// Sends an event, and returns the `data` of its answer, which has to be fine.
    pub async fn call(&mut self, event: &str, argument: Value) -> Value {
        let mut answer = self.ask(event, argument).await;
        assert_eq!(answer["ok"], true, "{event}: {answer}");
        answer["data"].take()
    }

    /// Sends an event, and returns the code of its answer, which has to be a refusal.
    pub async fn refused(&mut self, event: &str, argument: Value) -> String {
        let answer = self.ask(event, argument).await;
        assert_eq!(answer["ok"], false, "{event}: {answer}");
        answer["error"]["code"].as_str().unwrap().to_owned()
    }

    /// Sends an event, and returns its answer.
    pub async fn ask(&mut self, event: &str, argument: Value) -> Value {
        let ack = self.ask_later(event, argument).await;
        self.answer(ack).await
    }

    /// Sends an event without waiting. Returns what [`Client::answer`] takes.
    pub async fn ask_later(&mut self, event: &str, argument: Value) -> u64 {
        let ack = self.next_ack;
        self.next_ack += 1;
        self.send(&format!("42{ack}{}", json!([event, argument])))
            .await;
        ack
    }

    /// Waits for an answer.
    pub async fn answer(&mut self, ack: u64) -> Value {
        let start = format!("43{ack}[");
        loop {
            let packet = self.packet().await;
            if packet.starts_with(&start) {
                let mut answers: Vec<Value> =
                    serde_json::from_str(&packet[start.len() - 1..]).unwrap();
                assert_eq!(answers.len(), 1, "an answer has one value");
                return answers.remove(0);
            }
            self.keep(&packet);
        }
    }

    /// Waits for an event. What came before it is dropped.
    pub async fn wait_for(&mut self, event: &str) -> Value {
        loop {
            let (name, payload) = self.next().await;
            if name == event {
                return payload;
            }
        }
    }

    /// Waits for an event right from the answer to the connection on.
    pub async fn wait_after_connect(&mut self, event: &str) -> Value {
        let answer = self.packet().await;
        assert!(answer.starts_with("40"), "{answer}");
        self.wait_for(event).await
    }

    /// The next event.
    pub async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return heard;
            }
            let packet = self.packet().await;
            self.keep(&packet);
        }
    }

    /// The events that came while something else was waited for.
    pub fn take_heard(&mut self) -> Vec<(String, Value)> {
        self.heard.drain(..).collect()
    }

    /// Reads what is left until the server's end of the connection. Returns the events.
    pub async fn read_to_the_end(mut self) -> Vec<(String, Value)> {
        while let Some(packet) = self.receive().await {
            self.keep(&packet);
        }
        self.heard.into()
    }

    /// Every event that has come so far: an answered question shows that nothing is on its way.
    pub async fn drain(&mut self) -> Vec<(String, Value)> {
        self.ask("leave_group", json!("no-such-group")).await;
        let (event, _) = self.heard.back().cloned().unwrap_or_default();
        if event != "left_group_success" {
            let packet = self.packet().await;
            self.keep(&packet);
        }
        let mut heard: Vec<_> = self.heard.drain(..).collect();
        heard.retain(|(event, payload)| {
            event != "left_group_success" || payload["groupId"] != "no-such-group"
        });
        heard
    }

    /// Ends the connection, and waits until the server has done so too.
    pub async fn closed_by_client(mut self) {
        self.send_raw(Message::Close(None)).await;
        self.closed().await;
    }

    /// Waits until the server ends the connection.
    pub async fn closed(mut self) {
        let reading = async { while self.receive().await.is_some() {} };
        timeout(PATIENCE, reading).await.expect("it ends in time");
    }

    /// The next packet; pings are answered and not returned.
    pub async fn packet(&mut self) -> String {
        self.receive().await.expect("the connection is open")
    }

    /// The next packet, or `None` if the connection has ended.
    pub async fn receive(&mut self) -> Option<String> {
        timeout(SILENCE, self.incoming.recv())
            .await
            .expect("a packet comes in time")
    }

    fn keep(&mut self, packet: &str) {
        let Some(event) = packet.strip_prefix("42") else {
            panic!("not an event: {packet}");
        };
        let mut parts: Vec<Value> = serde_json::from_str(event).unwrap();
        assert_eq!(parts.len(), 2, "an event has one payload: {packet}");
        let payload = parts.pop().unwrap();
        let name = parts.pop().unwrap();
        self.heard
            .push_back((name.as_str().unwrap().to_owned(), payload));
    }
}

/// Reads until the end of the connection, and answers pings.
async fn read_on(mut stream: SplitStream<Socket>, outgoing: Outgoing, read: mpsc::Sender<String>) {
    while let Some(Ok(message)) = stream.next().await {
        let text = match message {
            Message::Text(text) => text.to_string(),
            Message::Close(_) => return,
            _ => continue,
        };
        if text == "2" {
            let pong = Message::text("3");
            let _ = outgoing.lock().await.send(pong).await;
        } else if read.send(text).await.is_err() {
            return;
        }
    }
}
