//! What goes on at this node, for operators who look at the moment.

use super::App;
use crate::metrics::sample::Figures;

/// Knows over which transport each connection goes.
pub trait Transports: Send + Sync {
    /// Connections over WebSocket, and by polling.
    fn count(&self) -> [usize; 2];
}

/// Everything that is read only when somebody looks. It takes the lock of each room for a moment.
pub fn of(app: &App) -> Figures {
    let rooms = app.chat.census();
    Figures {
        is_draining: app.draining.is_cancelled(),
        connections: app.transports.count(),
        typists: rooms.iter().map(|room| room.typists).sum(),
        rooms: rooms.iter().map(|room| room.counts.members).collect(),
        agenda: app.agenda.len(),
    }
}
