//! Things that are to be done later, or elsewhere than where they were noticed.

use crate::{id::GroupId, presence::Seat, time::Timestamp};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chore {
    /// Tell what has become due in a room at that time, and repair what is missing there.
    TendRoom(GroupId, Timestamp),
    /// Tell connected members how much they have not read.
    CountUnread(GroupId),
    /// Tell it of every group: notices may have been lost.
    RecountUnread,
    /// Take a socket out of the presence of a room that it was removed from.
    Vacate(Seat),
    /// Tell the other nodes which groups got messages lately.
    TellStirred,
    /// See that what is needed newly is heard.
    SettleCare,
    /// Give up what nobody here has needed for a while.
    EndCare,
    /// Tell users how well this node serves.
    TellService,
    /// Compare with the truth what notices would have told.
    Compare,
}
