//! What is going on at this node, in figures for operators.

use crate::{
    id::{GroupId, Seq, UserId},
    news::RoomMembers,
    presence::Counts,
    room::Room,
};

use super::Chat;

/// One room that somebody at this node is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomFigures {
    /// Which room it is.
    pub group: GroupId,
    /// Users and sockets, over all nodes.
    pub counts: Counts,
    /// Sockets of this node.
    pub sockets_here: usize,
    /// Users who are shown as typing.
    pub typists: usize,
    /// Up to where the sockets here were told.
    pub last_seq: Seq,
}

impl Chat {
    /// Every room that somebody at this node is in, in no order.
    #[must_use]
    pub fn census(&self) -> Vec<RoomFigures> {
        let rooms = self.rooms.look_at_each(figures);
        let is_open = |room: &RoomFigures| room.sockets_here > 0;
        rooms.into_iter().filter(is_open).collect()
    }

    /// One of them, with who is in it after `after`, at most `limit`.
    #[must_use]
    pub fn look_into(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Option<(RoomFigures, RoomMembers)> {
        let see = |room: &Room| (figures(room), room.members(after, limit));
        let seen = self.rooms.look(group, see);
        seen.filter(|(figures, _)| figures.sockets_here > 0)
    }
}

fn figures(room: &Room) -> RoomFigures {
    RoomFigures {
        group: room.group().clone(),
        counts: room.counts(),
        sockets_here: room.seated(),
        typists: room.typists(),
        last_seq: room.delivered(),
    }
}
