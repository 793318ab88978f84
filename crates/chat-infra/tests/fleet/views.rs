//! What one node's users are told, made of what the node hears: as the rules do it, without the rest of them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use chat_domain::{
    id::{GroupId, NodeId},
    news::Notice,
    ports::Listener,
    presence::{RoomSnapshot, Seat, Transition},
    service::Shared,
};
use chat_infra::redis::subscriber::Ear;
use tokio::sync::watch;

use chat_domain::presence::RoomView;

/// The rooms of one node, all of which it follows.
pub struct Views {
    state: Mutex<State>,
    /// Up to which marker everything was heard.
    heard: watch::Sender<u64>,
}

struct State {
    rooms: BTreeMap<GroupId, RoomView>,
    told: Vec<(GroupId, Transition)>,
    /// Changes that did not follow the one before.
    broken: usize,
    losses: usize,
}

impl Views {
    pub fn new(node: NodeId, rooms: &[GroupId]) -> Self {
        let views = rooms.iter();
        let views = views.map(|room| (room.clone(), RoomView::new(node)));
        Self {
            state: Mutex::new(State {
                rooms: views.collect(),
                told: Vec::new(),
                broken: 0,
                losses: 0,
            }),
            heard: watch::Sender::default(),
        }
    }

    /// A socket of this node is about to come.
    pub fn arriving(&self, seat: &Seat) {
        self.change(&seat.group, |view| view.arriving(seat));
    }

    /// The store was told.
    pub fn arrived(&self, seat: &Seat) {
        self.change(&seat.group, |view| view.arrived(seat));
    }

    /// A socket of this node is about to go.
    pub fn departing(&self, seat: &Seat) {
        self.change(&seat.group, |view| view.departing(&seat.user, &seat.socket));
    }

    /// The rooms that have to be read.
    pub fn in_doubt(&self) -> Vec<GroupId> {
        let state = self.lock();
        let rooms = state.rooms.iter().filter(|(_, view)| view.wants_snapshot());
        rooms.map(|(room, _)| room.clone()).collect()
    }

    /// One of them was read.
    pub fn refresh(&self, room: &GroupId, snapshot: RoomSnapshot) {
        self.change(room, |view| view.refresh(snapshot));
    }

    /// What was told since the last time.
    pub fn take_told(&self) -> Vec<(GroupId, Transition)> {
        std::mem::take(&mut self.lock().told)
    }

    /// Who is shown in a room.
    pub fn shown(&self, room: &GroupId) -> Vec<String> {
        let state = self.lock();
        let users = state.rooms[room].users(None);
        users.map(ToString::to_string).collect()
    }

    pub fn broken(&self) -> usize {
        self.lock().broken
    }

    /// How often everything was in doubt.
    pub fn losses(&self) -> usize {
        self.lock().losses
    }

    /// Waits until everything before that marker was heard, or a second. A connection that is lost loses markers.
    pub async fn heard(&self, marker: u64) -> bool {
        let mut heard = self.heard.subscribe();
        let wait = heard.wait_for(|last| *last >= marker);
        let waited = tokio::time::timeout(std::time::Duration::from_secs(1), wait);
        waited.await.is_ok()
    }

    fn change<T: IntoIterator<Item = Transition>>(
        &self,
        room: &GroupId,
        change: impl FnOnce(&mut RoomView) -> T,
    ) {
        let mut state = self.lock();
        let view = state.rooms.get_mut(room).expect("all rooms are followed");
        let told: Vec<_> = change(view).into_iter().collect();
        let told = told
            .into_iter()
            .map(|transition| (room.clone(), transition));
        state.told.extend(told);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }
}

impl Listener for Views {
    fn hear(&self, notice: Notice) {
        let Notice::Presence(change) = notice else {
            return;
        };
        let room = change.group.clone();
        let mut was_broken = false;
        self.change(&room, |view| {
            let was_exact = !view.wants_snapshot() && !view.is_frozen();
            let (transition, _) = view.apply(change);
            was_broken = was_exact && view.is_in_doubt();
            transition
        });
        self.lock().broken += usize::from(was_broken);
    }

    fn missed(&self) {
        self.lock().rooms.values_mut().for_each(RoomView::doubt);
    }

    fn lost(&self, _: Shared) {
        let mut state = self.lock();
        state.losses += 1;
        let State { rooms, told, .. } = &mut *state;
        for (room, view) in rooms {
            let transitions = view.freeze().into_iter();
            told.extend(transitions.map(|transition| (room.clone(), transition)));
        }
    }

    fn restored(&self, _: Shared) {
        self.lock().rooms.values_mut().for_each(RoomView::thaw);
    }
}

/// Markers come on a channel of their own, over the same connection.
impl Ear for Views {
    fn hear(&self, _: &str, payload: &[u8]) {
        let number = std::str::from_utf8(payload).map(str::parse);
        self.heard
            .send_replace(number.expect("digits").expect("a number"));
    }

    fn missed(&self) {}

    fn lost(&self) {}

    fn restored(&self) {}
}
