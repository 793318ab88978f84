//! Socketioxide by itself: whoever says that he types in a room, is shown to the others there. What chat-server adds to
//! its library is the difference to this.
//!
//! Deliberately absent: checked tokens, members, presence, limits, and everything that is stored.

use std::{env, error::Error};

use axum::{Router, serve::ListenerExt};
use jsonwebtoken::dangerous::insecure_decode_claims;
use serde::{Deserialize, Serialize};
use serde_json::json;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
    handler::ConnectHandler,
};
use tokio::net::TcpListener;

#[derive(Deserialize)]
struct Auth {
    token: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    group_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Typist<'a> {
    group_id: &'a str,
    user_id: &'a str,
    user_name: &'a str,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", greet.with(admit));
    let address = format!("127.0.0.1:{}", env::var("PORT")?);
    let listener = TcpListener::bind(address).await?.tap_io(|stream| {
        // Without it small packets would wait; if it fails, the connection is gone.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, Router::new().layer(layer)).await?;
    Ok(())
}

/// What the client sends as soon as it is let in finds its handlers: a middleware ends before that.
async fn admit(
    socket: SocketRef,
    Data(auth): Data<Auth>,
) -> Result<(), jsonwebtoken::errors::Error> {
    let Claims { sub: user } = insecure_decode_claims(auth.token)?;
    socket.on("join_group", join);
    for (event, news) in [
        ("typing_start", "user_typing"),
        ("typing_stop", "user_stopped_typing"),
    ] {
        let user = user.clone();
        socket.on(
            event,
            async move |socket: SocketRef, Data(group): Data<Group>| {
                tell(&socket, news, &group, &user).await;
            },
        );
    }
    Ok(())
}

async fn greet(socket: SocketRef) {
    // Whoever is gone again needs no session.
    let _ = socket.emit("session", &json!({"limits": {}}));
}

async fn join(socket: SocketRef, Data(group): Data<Group>, ack: AckSender) {
    let id = &group.group_id;
    socket.join(room(id));
    let joined = json!({"groupId": id, "lastSeq": 0, "epoch": "", "reset": false, "typing": []});
    let _ = ack.send(&json!({"ok": true, "data": joined}));
    let _ = socket.emit("joined_group_success", &joined);
}

async fn tell(socket: &SocketRef, news: &str, group: &Group, user: &str) {
    let typist = Typist {
        group_id: &group.group_id,
        user_id: user,
        user_name: user,
    };
    // Some may be gone.
    let _ = socket.to(room(&group.group_id)).emit(news, &typist).await;
}

fn room(group_id: &str) -> String {
    format!("group:{group_id}")
}
