//! Who types, over all nodes: for those who come later, and for observers. Whatever fails here is forgotten, as an
//! indicator is anyhow a few seconds later.

use std::time::Duration;

use async_trait::async_trait;
use chat_domain::{
    id::{GroupId, NodeId, UserId},
    ports::{PortError, PortResult, TypingStore},
    typing::{TTL, Typist},
    user::UserName,
};

use super::{
    connection::{Connection, Trouble},
    script::{TYPE, TYPISTS, Time, UNTYPE, odd},
};

/// One node's access to who types. Names are those of who is in the room.
pub struct RedisTyping {
    node: NodeId,
    connection: Connection,
    time: Time,
}

impl RedisTyping {
    /// On the Redis that knows who is in which room.
    #[must_use]
    pub const fn new(node: NodeId, connection: Connection, time: Time) -> Self {
        Self {
            node,
            connection,
            time,
        }
    }

    async fn typists(&self, group: &GroupId) -> Result<Vec<Typist>, Trouble> {
        let arguments = vec![self.time.argument(), group.as_str().into()];
        let mut answer = TYPISTS.run(&self.connection, arguments).await?;
        let mut typists = Vec::new();
        while !answer.is_over() {
            let (user, name, left_ms) = (answer.text()?, answer.text()?, answer.number()?);
            let user = UserId::parse(&user).map_err(|_| odd())?;
            let left_ms = u64::try_from(left_ms).map_err(|_| odd())?;
            typists.push(Typist {
                name: UserName::parse(&name).unwrap_or_else(|_| UserName::of_id(&user)),
                user,
                remaining: Duration::from_millis(left_ms).min(TTL),
            });
        }
        typists.sort_by(|one, other| one.user.cmp(&other.user));
        Ok(typists)
    }
}

#[async_trait]
impl TypingStore for RedisTyping {
    async fn started(&self, group: &GroupId, user: &UserId, _: &UserName) -> PortResult<()> {
        let arguments = vec![
            self.time.argument(),
            self.node.to_string().into(),
            group.as_str().into(),
            user.as_str().into(),
            TTL.as_millis().to_string().into(),
        ];
        let marked = TYPE.run(&self.connection, arguments).await;
        forgive(marked.map(drop));
        Ok(())
    }

    async fn stopped(&self, group: &GroupId, user: &UserId) -> PortResult<()> {
        let arguments = vec![group.as_str().into(), user.as_str().into()];
        let unmarked = UNTYPE.run(&self.connection, arguments).await;
        forgive(unmarked.map(drop));
        Ok(())
    }

    async fn current(&self, group: &GroupId) -> PortResult<Vec<Typist>> {
        let typists = self.typists(group).await;
        unless_away(typists).map_err(PortError::during("read who types"))
    }
}

/// Those who are there were told; the mark is for those who come later, and ends by itself.
fn forgive(marked: Result<(), Trouble>) {
    if let Err(trouble) = marked
        && !trouble.is_loss()
    {
        let error: &dyn std::error::Error = &trouble;
        tracing::debug!(error, "could not mark who types");
    }
}

/// What nobody can know, and what nobody has to know.
fn unless_away<T: Default>(answer: Result<T, Trouble>) -> Result<T, Trouble> {
    match answer {
        Err(trouble) if trouble.is_loss() => Ok(T::default()),
        answer => answer,
    }
}
