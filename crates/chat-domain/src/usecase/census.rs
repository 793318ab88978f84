//! What is going on at this node, in figures for operators.

use crate::{
    id::{GroupId, Seq},
    presence::Counts,
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
        let rooms = self.rooms.look_at_each(|room| RoomFigures {
            group: room.group().clone(),
            counts: room.counts(),
            sockets_here: room.seated(),
            typists: room.typists(),
            last_seq: room.delivered(),
        });
        let is_open = |room: &RoomFigures| room.sockets_here > 0;
        rooms.into_iter().filter(is_open).collect()
    }
}
