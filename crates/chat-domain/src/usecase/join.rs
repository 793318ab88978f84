//! Coming into a room, and leaving it.

use crate::{
    id::{Epoch, GroupId, Seq, UserId},
    limit::RetryAfter,
    message::Message,
    ports::{PortError, PortResult, Slice},
    presence::{Counts, Seat},
    room::{Departure, Welcome},
    user::UserName,
};

use super::{Chat, connect::Connection, rooms::Visit};

/// What a client asks for when it joins.
#[derive(Debug, Clone)]
pub struct Join {
    /// The room.
    pub group: GroupId,
    /// The newest event that the client knows: the ones after it are to follow.
    pub after: Option<Seq>,
    /// The life of the history that the client knows.
    pub epoch: Option<Epoch>,
    /// How many messages follow at most.
    pub limit: usize,
}

/// What a client learns when it has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The room.
    pub group: GroupId,
    /// How many are there now.
    pub counts: Counts,
    /// Every durable event after this one will be told.
    pub last_seq: Seq,
    /// The life of the history.
    pub epoch: Epoch,
    /// What the client knows is of another life: it has to be dropped.
    pub reset: bool,
    /// Who types.
    pub typing: Vec<(UserId, UserName)>,
    /// The messages that the client lacks, if it asked for them.
    pub history: Option<Slice>,
}

/// Why a socket is not let into a room.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The user is no member, or there is no such group.
    #[error("the user is not a member")]
    NotAMember,
    /// The socket is in as many rooms as it may be.
    #[error("the socket is in too many rooms")]
    TooManyRooms,
    /// The user joins too often.
    #[error("too many joins")]
    TooMany(RetryAfter),
    /// The socket is just being taken out of this room, or the room is too busy.
    #[error("the room is busy")]
    Busy(RetryAfter),
    /// A store could not be asked.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// Why leaving did not go through: a store could not be asked. The socket is out of the room all the same.
pub type LeaveError = PortError;

/// A membership that changes this often while it is looked at is told to come back later.
const TRIES: usize = 8;

const BUSY: RetryAfter = RetryAfter(std::time::Duration::from_millis(100));

impl Chat {
    /// Lets a socket into a room. `welcome` is called once, when the socket is in and before it is told
    /// anything; it must not block. A join that is dropped half way is undone by the next leave or by
    /// the disconnect.
    ///
    /// # Errors
    /// See [`JoinError`]. The socket is as it was then.
    pub async fn join(
        &self,
        connection: &mut Connection,
        request: Join,
        welcome: impl FnOnce(&Joined) + Send,
    ) -> Result<(), JoinError> {
        self.check_room_limit(connection, &request.group)?;
        self.joins
            .spend(&connection.user.id, self.now())
            .map_err(JoinError::TooMany)?;
        let visit = self.rooms.visit(&request.group, self.now());
        let seat = connection.seat(&request.group);
        let mut welcome = Some(welcome);
        for _ in 0..TRIES {
            let (member, as_of) = self
                .member_as_of(&request.group, &connection.user.id)
                .await?;
            if member.is_none() {
                self.undo_entering(&visit, &seat).await?;
                return Err(JoinError::NotAMember);
            }
            if visit.with(self.now(), |room, _| room.is_departing(&seat.socket)) {
                return Err(JoinError::Busy(BUSY));
            }
            let epoch = self.open(&visit, &request.group).await?;
            // From here on: whatever becomes of this, leaving and disconnecting give the seat back.
            connection.rooms.insert(request.group.clone());
            let counts = self.enter(&visit, &seat).await?;
            let entered = Entered {
                seat: &seat,
                epoch,
                counts,
            };
            let caught_up = self.catch_up(&visit, &entered, &request).await;

            let now = self.now();
            let seated = visit.with(now, |room, _| {
                let caught_up = caught_up?;
                // Under the room's lock: a revocation is either seen here, or finds the socket seated.
                if !self.memberships.is_current(as_of) {
                    room.give_up_seat(&seat.socket);
                    return Ok(false);
                }
                let Some(seated) = room.seat(&seat.socket, &seat.user, now) else {
                    return Err(JoinError::Busy(BUSY));
                };
                let joined =
                    entered.joined(seated, caught_up, request.limit, self.policy.page_bytes);
                if let Some(welcome) = welcome.take() {
                    welcome(&joined);
                }
                self.ports.sockets.admit(&seat.socket, &seat.group);
                Ok(true)
            });
            match seated {
                Ok(true) => return Ok(()),
                // Somebody's membership changed meanwhile, most likely another one's.
                Ok(false) => {}
                Err(error) => {
                    self.undo_entering(&visit, &seat).await?;
                    return Err(error);
                }
            }
        }
        self.undo_entering(&visit, &seat).await?;
        Err(JoinError::Busy(BUSY))
    }

    /// Takes a socket out of a room. Leaving a room that it is not in is no error. The counts are those
    /// after it; none for somebody who is no member.
    ///
    /// # Errors
    /// See [`LeaveError`].
    pub async fn leave(
        &self,
        connection: &mut Connection,
        group: &GroupId,
    ) -> Result<Counts, LeaveError> {
        let was_there = self.is_in_room(group, &connection.socket);
        if connection.rooms.contains(group) {
            let seat = connection.seat(group);
            let counts = self.vacate(&seat, Departure::Left).await?;
            connection.rooms.remove(group);
            if was_there {
                return Ok(counts);
            }
        }
        match self.member(group, &connection.user.id).await? {
            Some(_) => self.room_counts(group).await,
            None => Ok(Counts::default()),
        }
    }

    /// Takes a socket out of the room here, then out of the store, unless it is handed over.
    pub(super) async fn vacate(&self, seat: &Seat, how: Departure) -> PortResult<Counts> {
        let now = self.now();
        let visit = self.rooms.visit(&seat.group, now);
        let typed = visit.with(now, |room, tell| {
            self.ports.sockets.dismiss(&seat.socket, &seat.group);
            room.unseat(&seat.socket, how, tell)
        });
        let counts = match how {
            Departure::Left | Departure::Gone => self.exit(&visit, seat).await?,
            Departure::HandedOver => self.depart(&visit, seat),
        };
        if typed {
            self.end_typing(&seat.group, &seat.user).await?;
        }
        Ok(counts)
    }

    /// Brings a socket into the store.
    async fn enter(&self, visit: &Visit<'_>, seat: &Seat) -> PortResult<Counts> {
        let now = self.now();
        visit.with(now, |room, tell| room.arriving(seat, now, tell));
        let counts = self.ports.presence.enter(seat).await?;
        let now = self.now();
        let seen = visit.with(now, |room, tell| {
            room.arrived(seat, now, tell);
            room.counts()
        });
        Ok(counts.unwrap_or(seen))
    }

    /// Takes a socket out of the store.
    async fn exit(&self, visit: &Visit<'_>, seat: &Seat) -> PortResult<Counts> {
        let seen = self.depart(visit, seat);
        Ok(self.ports.presence.leave(seat).await?.unwrap_or(seen))
    }

    /// This node has the socket no more, whatever the store says. Returns whom the room sees then.
    fn depart(&self, visit: &Visit<'_>, seat: &Seat) -> Counts {
        let now = self.now();
        visit.with(now, |room, tell| {
            room.departing(seat, now, tell);
            room.counts()
        })
    }

    fn check_room_limit(
        &self,
        connection: &mut Connection,
        group: &GroupId,
    ) -> Result<(), JoinError> {
        let Some(limit) = self.policy.rooms_per_socket else {
            return Ok(());
        };
        if connection.rooms.len() < limit || connection.rooms.contains(group) {
            return Ok(());
        }
        // Some of them may have been taken away since.
        let socket = connection.socket.clone();
        connection
            .rooms
            .retain(|group| self.rooms.is_seated(group, &socket));
        if connection.rooms.len() < limit {
            Ok(())
        } else {
            Err(JoinError::TooManyRooms)
        }
    }

    /// Brings this node's room up to date, whether or not it was open before.
    async fn open(&self, visit: &Visit<'_>, group: &GroupId) -> Result<Epoch, JoinError> {
        visit.follow().await?;
        if visit.with(self.now(), |room, _| room.wants_snapshot()) {
            let snapshot = self.ports.presence.snapshot(group).await;
            if snapshot.is_err() && !visit.with(self.now(), |room, _| room.wants_snapshot()) {
                // The store has gone away meanwhile, and the room goes on without.
                return self.open_history(visit, group).await;
            }
            let snapshot = snapshot?;
            let typists = self.ports.typing.current(group).await?;
            let now = self.now();
            visit.with(now, |room, tell| {
                room.refresh(snapshot, now, tell);
                for typist in typists {
                    room.typing_learned(typist, now, tell);
                }
            });
        }
        self.open_history(visit, group).await
    }

    /// Brings what this node's room has told up to date.
    async fn open_history(&self, visit: &Visit<'_>, group: &GroupId) -> Result<Epoch, JoinError> {
        let head = self
            .ports
            .log
            .head(group)
            .await?
            .ok_or(JoinError::NotAMember)?;
        let now = self.now();
        visit.with(now, |room, tell| room.notice_head(head.last_seq, now, tell));
        self.repair(group).await?;
        Ok(head.epoch)
    }

    /// Reads what the client lacks, while the room keeps what is told meanwhile.
    async fn catch_up(
        &self,
        visit: &Visit<'_>,
        entered: &Entered<'_>,
        request: &Join,
    ) -> Result<Option<CaughtUp>, JoinError> {
        let foreign = request
            .epoch
            .as_ref()
            .is_some_and(|epoch| *epoch != entered.epoch);
        if request.after.is_none() && !foreign {
            return Ok(None);
        }
        let socket = &entered.seat.socket;
        let through = visit.with(self.now(), |room, _| room.await_seat(socket));
        let (log, group, limit) = (&self.ports.log, &request.group, request.limit);
        let known = request.after.filter(|after| !foreign && *after <= through);
        let read = match known {
            Some(after) => log.after(group, after, limit).await,
            None => log.before(group, Some(through.next()), limit).await,
        };
        let reset = known.is_none();
        let mut slice =
            read.inspect_err(|_| visit.with(self.now(), |room, _| room.give_up_seat(socket)))?;
        let before = slice.messages.len();
        // What is newer than what the room has told will be told by the room.
        slice
            .messages
            .retain(|message| message.updated_seq <= through);
        if !reset {
            slice.more &= slice.messages.len() == before;
        }
        Ok(Some(CaughtUp { slice, reset }))
    }

    /// The socket came into the store, but not into the room: unless it was there before, it leaves again.
    async fn undo_entering(&self, visit: &Visit<'_>, seat: &Seat) -> PortResult<()> {
        let came = visit.with(self.now(), |room, _| room.knows(seat));
        if came && !self.rooms.is_seated(&seat.group, &seat.socket) {
            self.exit(visit, seat).await?;
        }
        Ok(())
    }
}

/// A socket that is in the store, but not yet in the room.
struct Entered<'a> {
    seat: &'a Seat,
    epoch: Epoch,
    counts: Counts,
}

struct CaughtUp {
    slice: Slice,
    reset: bool,
}

impl Entered<'_> {
    fn joined(
        &self,
        welcome: Welcome,
        caught_up: Option<CaughtUp>,
        limit: usize,
        limit_bytes: usize,
    ) -> Joined {
        let reset = caught_up.as_ref().is_some_and(|caught_up| caught_up.reset);
        let missed = welcome.missed.iter().map(|message| Message::clone(message));
        let history = caught_up.map(|CaughtUp { mut slice, .. }| {
            if reset {
                slice.messages.extend(missed);
                let surplus = slice.messages.len().saturating_sub(limit);
                slice.messages.drain(..surplus);
                slice.more |= surplus > 0;
                slice.keep_newest(limit_bytes);
                return slice;
            }
            if !slice.more {
                slice.messages.extend(missed);
                slice.more = slice.messages.len() > limit;
                slice.messages.truncate(limit);
            }
            slice.keep_oldest(limit_bytes);
            slice
        });
        Joined {
            group: self.seat.group.clone(),
            counts: self.counts,
            last_seq: welcome.last_seq,
            epoch: self.epoch.clone(),
            reset,
            typing: welcome.typing,
            history,
        }
    }
}
