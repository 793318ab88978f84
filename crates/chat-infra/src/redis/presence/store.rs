//! What a node asks of the store, each in one atomic step: the scripts, with types.

use std::{
    collections::{BTreeMap, HashSet},
    str::FromStr,
};

use chat_domain::{
    id::{GroupId, NodeId, SocketId, UserId},
    ports::WhenFull,
    presence::{Counts, Occupant, RoomSnapshot, Version},
    user::UserName,
};
use fred::types::Value;

use crate::redis::{
    connection::{Connection, Trouble},
    keys,
    leases::Leases,
    script::{
        ADMIT, Answer, BEAT, END_ALL, ENTER, LEAVE, REAP, RETIRE, Time, VERSIONS, command, odd,
    },
};

use super::{
    holdings::{Entry, Label},
    tenure::{Beat, Epoch, Row},
};

/// So many seats in one step, so that nobody else waits for long.
pub(super) const AT_ONCE: usize = 200;

/// The scripts, as one node calls them.
pub(super) struct Store {
    pub(super) connection: Connection,
    pub(super) node: NodeId,
    pub(super) time: Time,
    pub(super) leases: Leases,
}

/// How taking or giving up a seat went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    Done(Done),
    /// The node has no lease.
    Fenced,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    /// Empty if the data have just been lost.
    pub(super) epoch: Epoch,
    /// How many seats were taken or given up: the others were so before.
    pub(super) changed: usize,
    /// The room of the last one.
    pub(super) counts: Counts,
}

/// How giving up the seats of the dead went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaped {
    Done {
        entries: usize,
        is_over: bool,
        /// That was all that one of them had.
        is_gone: bool,
    },
    /// This node may be wrong about who is dead.
    Unsure,
}

/// Whether one more connection of a user is one too many.
pub(super) struct Question<'a> {
    pub(super) user: &'a UserId,
    pub(super) socket: &'a SocketId,
    pub(super) most: usize,
    pub(super) when_full: WhenFull,
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Admitting {
    Admitted {
        since: Label,
        instead_of: Vec<SocketId>,
    },
    Refused,
    /// The node has no lease.
    Fenced,
}

impl Store {
    /// At most [`AT_ONCE`].
    pub(super) async fn enter(
        &self,
        tag: u64,
        entries: &[(Entry, Label)],
    ) -> Result<Deed, Trouble> {
        let mut arguments = self.arguments(&tag.to_string());
        for (entry, label) in entries {
            arguments.extend(entry.parts().map(Value::from));
            arguments.push(label.as_str().into());
        }
        deed(ENTER.run(&self.connection, arguments).await?)
    }

    /// At most [`AT_ONCE`].
    pub(super) async fn leave(&self, tag: u64, entries: &[Entry]) -> Result<Deed, Trouble> {
        let mut arguments = self.arguments(&tag.to_string());
        for entry in entries {
            arguments.extend(entry.parts().map(Value::from));
        }
        deed(LEAVE.run(&self.connection, arguments).await?)
    }

    /// Renews the lease. A new epoch, if one begins, is named after this.
    pub(super) async fn beat(
        &self,
        number: u64,
        announced_in: Option<&Epoch>,
    ) -> Result<Beat, Trouble> {
        let Leases { lease, settle, .. } = self.leases;
        let fresh = format!("{:.8}{number}", self.node);
        let mut arguments = self.arguments(&lease.as_millis().to_string());
        arguments.push(settle.as_millis().to_string().into());
        arguments.push(fresh.into());
        arguments.push(announced_in.cloned().unwrap_or_default().into());
        let mut answer = BEAT.run(&self.connection, arguments).await?;
        let (epoch, was_held, owned) = (answer.text()?, answer.flag()?, answer.count()?);
        let clock_ms = u64::try_from(answer.number()?).map_err(|_| odd())?;
        let mut displaced = Vec::new();
        for _ in 0..answer.count()? {
            let (user, socket) = (answer.text()?, answer.text()?);
            let user = UserId::parse(&user).map_err(|_| odd())?;
            displaced.push((user, SocketId::new(&socket)));
        }
        let mut rows = Vec::new();
        while !answer.is_over() {
            let (node, left_ms, has_announced) = (answer.text()?, answer.number()?, answer.flag()?);
            // What somebody else put there is nobody to wait for.
            let Some(node) = NodeId::parse(&node) else {
                continue;
            };
            rows.push(Row {
                node,
                left_ms,
                has_announced,
            });
        }
        Ok(Beat {
            epoch,
            was_held,
            owned,
            clock_ms,
            displaced,
            rows,
        })
    }

    /// Gives up to `most` entries of one dead node up.
    pub(super) async fn reap(
        &self,
        most: usize,
        expected_clock: Option<u64>,
    ) -> Result<Reaped, Trouble> {
        let expected = expected_clock.map(|ms| ms.to_string()).unwrap_or_default();
        let mut arguments = self.arguments(&most.to_string());
        arguments.push(expected.into());
        arguments.push(self.leases.clock_error().as_millis().to_string().into());
        let mut answer = REAP.run(&self.connection, arguments).await?;
        if answer.text()? != "done" {
            return Ok(Reaped::Unsure);
        }
        let (entries, is_over) = (answer.count()?, !answer.flag()?);
        let is_gone = answer.flag()?;
        Ok(Reaped::Done {
            entries,
            is_over,
            is_gone,
        })
    }

    /// Gives the lease up, and a part of what the node owns. Returns how much is left.
    pub(super) async fn retire(&self) -> Result<usize, Trouble> {
        let mut arguments = self.arguments("0");
        arguments.push(AT_ONCE.to_string().into());
        RETIRE.run(&self.connection, arguments).await?.count()
    }

    pub(super) async fn admit(&self, question: &Question<'_>) -> Result<Admitting, Trouble> {
        let mut arguments = self.arguments(question.user.as_str());
        let when_full = match question.when_full {
            WhenFull::Refuse => "refuse",
            WhenFull::EvictOldest => "evict",
        };
        let punctual = self.leases.punctual().as_millis();
        arguments.push(question.socket.reveal().into());
        arguments.push(question.most.to_string().into());
        arguments.push(when_full.into());
        arguments.push(punctual.to_string().into());
        let mut answer = ADMIT.run(&self.connection, arguments).await?;
        match answer.text()?.as_str() {
            "admitted" => {}
            "refused" => return Ok(Admitting::Refused),
            _ => return Ok(Admitting::Fenced),
        }
        let (since, mut instead_of) = (answer.text()?, Vec::new());
        while !answer.is_over() {
            instead_of.push(SocketId::new(&answer.text()?));
        }
        Ok(Admitting::Admitted { since, instead_of })
    }

    /// Every connection of the user has to go. Returns how many there were.
    pub(super) async fn end_all(&self, user: &UserId) -> Result<usize, Trouble> {
        let arguments = vec![user.as_str().into()];
        END_ALL.run(&self.connection, arguments).await?.count()
    }

    /// Everything that this node owns. What changes meanwhile may be in it or not.
    pub(super) async fn owned(&self) -> Result<HashSet<Entry>, Trouble> {
        const PAGE: &str = "1000";
        let (mut cursor, mut owned) = ("0".to_owned(), HashSet::new());
        loop {
            let key = keys::owned(self.node);
            let arguments = vec![key.into(), cursor.into(), "COUNT".into(), PAGE.into()];
            let mut page = command(&self.connection, "SSCAN", arguments).await?;
            cursor = page.text()?;
            owned.extend(page.texts()?.into_iter().map(Entry::stored));
            if cursor == "0" {
                return Ok(owned);
            }
        }
    }

    pub(super) async fn snapshot(&self, group: &GroupId) -> Result<RoomSnapshot, Trouble> {
        let fields = command(&self.connection, "HGETALL", vec![keys::room(group).into()]);
        read_room(fields.await?)
    }

    pub(super) async fn versions(&self, groups: &[GroupId]) -> Result<Vec<Version>, Trouble> {
        let groups = groups.iter().map(|group| group.as_str().into());
        let mut answer = VERSIONS.run(&self.connection, groups.collect()).await?;
        let mut versions = Vec::new();
        while !answer.is_over() {
            versions.push(number(&answer.text()?)?);
        }
        Ok(versions)
    }

    /// What most scripts take first, and its own first argument.
    fn arguments(&self, next: &str) -> Vec<Value> {
        vec![
            self.time.argument(),
            self.node.to_string().into(),
            next.into(),
        ]
    }
}

fn deed(mut answer: Answer) -> Result<Deed, Trouble> {
    if answer.text()? != "done" {
        return Ok(Deed::Fenced);
    }
    let (epoch, changed) = (answer.text()?, answer.count()?);
    let (members, sockets) = (answer.count()?, answer.count()?);
    let counts = Counts { members, sockets };
    Ok(Deed::Done(Done {
        epoch,
        changed,
        counts,
    }))
}

/// The fields of a room, as `lua/room.lua` lists them.
fn read_room(mut fields: Answer) -> Result<RoomSnapshot, Trouble> {
    let mut room = RoomSnapshot::default();
    let (mut names, mut counts) = (BTreeMap::new(), Vec::new());
    while !fields.is_over() {
        let (field, value) = (fields.text()?, fields.text()?);
        let mut parts = field.split(':');
        match [parts.next(), parts.next(), parts.next()] {
            [Some("version"), None, None] => room.version = number(&value)?,
            [Some("name"), Some(user), None] => {
                let user = UserId::parse(user).map_err(|_| odd())?;
                let name = UserName::parse(&value).unwrap_or_else(|_| UserName::of_id(&user));
                names.insert(user, name);
            }
            [Some("count"), Some(user), Some(node)] => {
                let user = UserId::parse(user).map_err(|_| odd())?;
                let node = NodeId::parse(node).ok_or_else(odd)?;
                counts.push((user, node, number(&value)?));
            }
            _ => {}
        }
    }
    for (user, node, count) in counts {
        let name = names.get(&user).cloned();
        let occupant = room.users.entry(user).or_insert_with_key(|user| Occupant {
            name: name.unwrap_or_else(|| UserName::of_id(user)),
            sockets: BTreeMap::new(),
        });
        occupant.sockets.insert(node, count);
    }
    Ok(room)
}

fn number<T: FromStr>(text: &str) -> Result<T, Trouble> {
    text.parse().map_err(|_| odd())
}
