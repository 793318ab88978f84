//! One socket, with short words for what its owner does.

use std::sync::Arc;

use chat_domain::{
    id::{Seq, SocketId},
    member::Composition,
    message::{ClientMessageId, MessageBody, MessageKind},
    ports::PortResult,
    presence::Counts,
    usecase::{
        Chat,
        connect::Connection,
        join::{Join, JoinError, Joined},
        send::{SendError, Sent},
        typing::TypingError,
    },
};

use super::{group, heard::Heard, sockets::NotingSockets};

/// A connected socket.
pub struct Client {
    pub connection: Connection,
    chat: Arc<Chat>,
    sockets: Arc<NotingSockets>,
}

impl Client {
    pub fn new(connection: Connection, chat: Arc<Chat>, sockets: Arc<NotingSockets>) -> Self {
        Self {
            connection,
            chat,
            sockets,
        }
    }

    pub fn socket(&self) -> &SocketId {
        &self.connection.socket
    }

    /// Joins without asking for history.
    pub async fn join(&mut self, id: &str) -> Result<Joined, JoinError> {
        self.join_with(join(id)).await
    }

    /// Joins, and asks for what was said after `after`.
    pub async fn join_after(&mut self, id: &str, after: u64) -> Result<Joined, JoinError> {
        let after = Some(Seq::new(after));
        self.join_with(Join { after, ..join(id) }).await
    }

    pub async fn join_with(&mut self, request: Join) -> Result<Joined, JoinError> {
        let (mut told, socket) = (None, self.connection.socket.clone());
        let welcome = |joined: &Joined| {
            self.sockets.welcome(&socket, joined);
            told = Some(joined.clone());
        };
        self.chat
            .join(&mut self.connection, request, welcome)
            .await?;
        Ok(told.expect("who is let in is welcomed"))
    }

    pub async fn leave(&mut self, id: &str) -> PortResult<Counts> {
        self.chat.leave(&mut self.connection, &group(id)).await
    }

    pub async fn disconnect(self) -> PortResult<()> {
        self.sockets.close(&self.connection.socket);
        self.chat.disconnect(self.connection).await
    }

    pub async fn send(&self, id: &str, text: &str) -> Result<Sent, SendError> {
        self.send_with(id, composition(text)).await
    }

    pub async fn send_with(&self, id: &str, what: Composition) -> Result<Sent, SendError> {
        self.chat.send(&self.connection, &group(id), what).await
    }

    pub async fn type_in(&mut self, id: &str) -> Result<(), TypingError> {
        self.chat
            .start_typing(&mut self.connection, &group(id))
            .await
    }

    pub async fn stop_typing(&self, id: &str) -> Result<(), TypingError> {
        self.chat.stop_typing(&self.connection, &group(id)).await
    }

    /// What was heard since the last time, as data.
    pub fn take(&self) -> Vec<Heard> {
        self.sockets.take(&self.connection.socket)
    }

    /// What was heard since the last time, a line each.
    pub fn heard(&self) -> Vec<String> {
        self.take().iter().map(ToString::to_string).collect()
    }

    /// Likewise, without the lists of who is there.
    pub fn heard_but_lists(&self) -> Vec<String> {
        let mut heard = self.heard();
        heard.retain(|line| !line.starts_with("here: "));
        heard
    }
}

/// A request for nothing but the room.
pub fn join(id: &str) -> Join {
    Join {
        group: group(id),
        after: None,
        epoch: None,
        limit: 50,
    }
}

/// A plain text.
pub fn composition(text: &str) -> Composition {
    Composition {
        body: MessageBody::parse(text, 4_000).expect("tests send visible text"),
        kind: MessageKind::Text,
        reply_to: None,
        client_id: None,
    }
}

/// A plain text with the sender's own name for it.
pub fn named(text: &str, name: &str) -> Composition {
    let name = ClientMessageId::parse(name).expect("tests use valid names");
    Composition {
        client_id: Some(name),
        ..composition(text)
    }
}
