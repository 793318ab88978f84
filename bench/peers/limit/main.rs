//! The limit: whoever says that he types in a room, is shown to the others there by one frame, encoded once, and one
//! `write` for each of them. A server that answers one event at a time cannot do less.
//!
//! Speaks as much of Socket.IO as lets a client in. Deliberately absent: everything else, heartbeats too. Whoever does
//! not read is dropped from the room.

use std::{
    collections::HashMap,
    env,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::StreamExt;
use jsonwebtoken::dangerous::insecure_decode_claims;
use serde::Deserialize;
use tokio::{
    io::{join, sink},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
};
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config,
    tungstenite::{
        Message,
        protocol::{
            Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{Data, OpCode},
            },
        },
    },
};

const OPEN: &str =
    r#"0{"sid":"-","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#;

/// Clients say little.
const READ_BYTES: usize = 1_024;

type Failure = Box<dyn Error + Send + Sync>;

/// Everybody in every room.
type Rooms = Arc<Mutex<HashMap<String, Vec<Arc<OwnedWriteHalf>>>>>;

#[derive(Deserialize)]
struct Auth<'a> {
    token: &'a str,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group<'a> {
    group_id: &'a str,
}

/// One thread: a second one would cost more in waking each other than it saves.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let address = format!("127.0.0.1:{}", env::var("PORT")?);
    let listener = TcpListener::bind(address).await?;
    let rooms = Rooms::default();
    loop {
        let (stream, _) = listener.accept().await?;
        let rooms = Arc::clone(&rooms);
        // A connection that breaks, or says what this does not understand, is over.
        tokio::spawn(async move { serve(stream, &rooms).await.ok() });
    }
}

async fn serve(stream: TcpStream, rooms: &Rooms) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let small = WebSocketConfig::default().read_buffer_size(READ_BYTES);
    let stream = accept_async_with_config(stream, Some(small))
        .await?
        .into_inner();
    let (incoming, outgoing) = stream.into_split();
    let me = Arc::new(outgoing);
    // It only reads: what is written goes past it.
    let stream = join(incoming, sink());
    let mut messages = WebSocketStream::from_raw_socket(stream, Role::Server, Some(small)).await;
    let mut user = String::new();
    say(&me, OPEN);
    while let Some(Message::Text(text)) = messages.next().await.transpose()? {
        if let Some(auth) = text.strip_prefix("40") {
            let auth: Auth<'_> = serde_json::from_str(auth)?;
            let claims: Claims = insecure_decode_claims(auth.token)?;
            user = claims.sub;
            say(&me, r#"40{"sid":"-"}"#);
            say(&me, r#"42["session",{"limits":{}}]"#);
        } else if let Some((ack, event, id)) = event(&text) {
            let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                "join_group" => {
                    rooms
                        .entry(id.to_owned())
                        .or_default()
                        .push(Arc::clone(&me));
                    say(&me, &format!("43{ack}[{{\"ok\":true}}]"));
                    say(&me, &joined(id));
                }
                "typing_start" => broadcast(&mut rooms, id, &me, &typing("user_typing", id, &user)),
                "typing_stop" => {
                    broadcast(
                        &mut rooms,
                        id,
                        &me,
                        &typing("user_stopped_typing", id, &user),
                    );
                }
                _ => {}
            }
        }
    }
    for members in rooms
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .values_mut()
    {
        members.retain(|member| !Arc::ptr_eq(member, &me));
    }
    Ok(())
}

/// An event's acknowledgement number, if it has one, its name and its group.
fn event(text: &str) -> Option<(&str, &str, &str)> {
    let (ack, event) = text.strip_prefix("42")?.split_once("[\"")?;
    let (name, argument) = event.strip_suffix(']')?.split_once("\",")?;
    let Group { group_id } = serde_json::from_str(argument).ok()?;
    Some((ack, name, group_id))
}

fn joined(id: &str) -> String {
    format!(
        r#"42["joined_group_success",{{"groupId":"{id}","lastSeq":0,"epoch":"","reset":false,"typing":[]}}]"#
    )
}

fn typing(news: &str, id: &str, user: &str) -> String {
    format!(r#"42["{news}",{{"groupId":"{id}","userId":"{user}","userName":"{user}"}}]"#)
}

fn broadcast(
    rooms: &mut HashMap<String, Vec<Arc<OwnedWriteHalf>>>,
    id: &str,
    me: &Arc<OwnedWriteHalf>,
    text: &str,
) {
    let frame = frame(text);
    if let Some(members) = rooms.get_mut(id) {
        members.retain(|member| Arc::ptr_eq(member, me) || write(member, &frame));
    }
}

fn say(to: &OwnedWriteHalf, text: &str) {
    // Whoever cannot be told this much is gone, as the next read says.
    write(to, &frame(text));
}

/// Returns whether all of it could be written.
fn write(to: &OwnedWriteHalf, frame: &[u8]) -> bool {
    to.try_write(frame).is_ok_and(|count| count == frame.len())
}

fn frame(text: &str) -> Vec<u8> {
    let frame = Frame::message(text.to_owned(), OpCode::Data(Data::Text), true);
    let mut bytes = Vec::with_capacity(frame.len());
    // Writing to memory cannot fail.
    let _ = frame.format(&mut bytes);
    bytes
}
