//! Who is told what: the sockets of this node by room and by user.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, PoisonError, RwLock},
};

use chat_domain::{
    id::{GroupId, UserId},
    news::Audience,
};
use socketioxide::socket::Sid;

use super::outlet::Outlet;

/// Sockets. Whoever tells them something takes them as they are then, and holds nobody up meanwhile.
type Sockets = Arc<Vec<Arc<Outlet>>>;

/// The sockets of this node that have begun a session.
#[derive(Default)]
pub struct Recipients(RwLock<Inner>);

#[derive(Default)]
struct Inner {
    present: HashMap<Sid, Present>,
    everybody: Sockets,
    users: HashMap<UserId, Sockets>,
    rooms: HashMap<GroupId, Sockets>,
}

struct Present {
    outlet: Arc<Outlet>,
    rooms: Vec<GroupId>,
}

/// The place of a session among those who are told something.
pub struct Seat {
    recipients: Arc<Recipients>,
    outlet: Arc<Outlet>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.recipients.depart(&self.outlet);
    }
}

impl Recipients {
    /// A session has begun: from now on its socket is told what its user and what everybody is told, until it gives
    /// its seat back.
    pub fn arrive(self: &Arc<Self>, outlet: &Arc<Outlet>) -> Seat {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let present = Present {
            outlet: Arc::clone(outlet),
            rooms: Vec::new(),
        };
        inner.present.insert(outlet.line.session(), present);
        Arc::make_mut(&mut inner.everybody).push(Arc::clone(outlet));
        add(&mut inner.users, &outlet.user, outlet);
        Seat {
            recipients: Arc::clone(self),
            outlet: Arc::clone(outlet),
        }
    }

    /// A socket comes into a room. One whose session is over does not.
    pub fn enter(&self, session: Sid, group: &GroupId) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Inner { present, rooms, .. } = &mut *inner;
        let Some(present) = present.get_mut(&session) else {
            return;
        };
        if !present.rooms.contains(group) {
            present.rooms.push(group.clone());
            add(rooms, group, &present.outlet);
        }
    }

    /// A socket leaves a room.
    pub fn leave(&self, session: Sid, group: &GroupId) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Inner { present, rooms, .. } = &mut *inner;
        if let Some(present) = present.get_mut(&session)
            && let Some(place) = present.rooms.iter().position(|room| room == group)
        {
            present.rooms.swap_remove(place);
            remove(rooms, group, &present.outlet);
        }
    }

    fn depart(&self, outlet: &Arc<Outlet>) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Inner {
            present,
            everybody,
            users,
            rooms,
        } = &mut *inner;
        take_out(everybody, outlet);
        remove(users, &outlet.user, outlet);
        let left = present
            .remove(&outlet.line.session())
            .map(|present| present.rooms);
        for group in left.unwrap_or_default() {
            remove(rooms, &group, outlet);
        }
    }

    /// The sockets to tell, but for those of the user who is left out.
    pub fn of(&self, audience: Audience<'_>) -> Sockets {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let sockets = match audience {
            Audience::Room(group) | Audience::RoomBut(group, _) => inner.rooms.get(group),
            Audience::User(user) => inner.users.get(user),
            Audience::Everybody => Some(&inner.everybody),
        };
        sockets.cloned().unwrap_or_default()
    }

    /// The groups of the rooms in which a socket is.
    pub fn rooms_of(&self, session: Sid) -> Vec<GroupId> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let present = inner.present.get(&session);
        present.map_or_else(Vec::new, |present| present.rooms.clone())
    }
}

fn add<K: Clone + Eq + Hash>(all: &mut HashMap<K, Sockets>, key: &K, outlet: &Arc<Outlet>) {
    let sockets = match all.get_mut(key) {
        Some(sockets) => sockets,
        None => all.entry(key.clone()).or_default(),
    };
    Arc::make_mut(sockets).push(Arc::clone(outlet));
}

fn remove<K: Eq + Hash>(all: &mut HashMap<K, Sockets>, key: &K, outlet: &Arc<Outlet>) {
    if let Some(sockets) = all.get_mut(key) {
        take_out(sockets, outlet);
        if sockets.is_empty() {
            all.remove(key);
        }
    }
}

fn take_out(sockets: &mut Sockets, outlet: &Arc<Outlet>) {
    let sockets = Arc::make_mut(sockets);
    if let Some(place) = sockets.iter().position(|it| Arc::ptr_eq(it, outlet)) {
        sockets.swap_remove(place);
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::io::outlet::tests::sample;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Arrive,
        Depart,
        Enter(usize),
        Leave(usize),
    }

    const SOCKETS: u8 = 4;
    const USERS: [&str; 2] = ["ada", "ben"];
    const GROUPS: [&str; 2] = ["g", "h"];

    fn steps() -> impl Strategy<Value = Vec<(u8, Step)>> {
        let step = prop_oneof![
            Just(Step::Arrive),
            Just(Step::Depart),
            (0..GROUPS.len()).prop_map(Step::Enter),
            (0..GROUPS.len()).prop_map(Step::Leave),
        ];
        vec((0..SOCKETS, step), 0..60)
    }

    fn numbers(told: &Sockets, all: &[Arc<Outlet>]) -> Vec<usize> {
        let place = |told: &Arc<Outlet>| all.iter().position(|it| Arc::ptr_eq(it, told));
        let mut numbers: Vec<_> = told.iter().map(|told| place(told).unwrap()).collect();
        numbers.sort_unstable();
        numbers
    }

    proptest! {
        #[test]
        fn those_are_told_who_are_there(steps in steps()) {
            let user = |socket: usize| USERS[socket % USERS.len()];
            let all: Vec<_> = (0..SOCKETS).map(|it| sample(user(it.into()), it)).collect();
            let recipients = Arc::<Recipients>::default();
            // Who is there, and in which rooms.
            let mut seats: HashMap<usize, (Seat, Vec<usize>)> = HashMap::new();
            for (socket, step) in steps {
                let socket = usize::from(socket);
                let (session, group) = (
                    all[socket].line.session(),
                    |group: usize| GroupId::parse(GROUPS[group]).unwrap(),
                );
                match step {
                    Step::Arrive => {
                        seats.entry(socket).or_insert_with(|| (recipients.arrive(&all[socket]), Vec::new()));
                    }
                    Step::Depart => drop(seats.remove(&socket)),
                    Step::Enter(room) => {
                        recipients.enter(session, &group(room));
                        if let Some((_, rooms)) = seats.get_mut(&socket) && !rooms.contains(&room) {
                            rooms.push(room);
                        }
                    }
                    Step::Leave(room) => {
                        recipients.leave(session, &group(room));
                        if let Some((_, rooms)) = seats.get_mut(&socket) {
                            rooms.retain(|it| *it != room);
                        }
                    }
                }
                let expected = |wanted: &dyn Fn(usize, &[usize]) -> bool| {
                    let there = seats.iter().filter(|(socket, (_, rooms))| wanted(**socket, rooms));
                    let mut there: Vec<_> = there.map(|(socket, _)| *socket).collect();
                    there.sort_unstable();
                    there
                };
                let told = |audience: Audience<'_>| numbers(&recipients.of(audience), &all);
                prop_assert_eq!(told(Audience::Everybody), expected(&|_, _| true));
                for name in USERS {
                    let id = UserId::parse(name).unwrap();
                    prop_assert_eq!(told(Audience::User(&id)), expected(&|it, _| user(it) == name));
                }
                for room in 0..GROUPS.len() {
                    let id = group(room);
                    prop_assert_eq!(told(Audience::Room(&id)), expected(&|_, rooms| rooms.contains(&room)));
                }
                let count = seats.get(&socket).map_or(0, |(_, rooms)| rooms.len());
                prop_assert_eq!(recipients.rooms_of(session).len(), count);
            }
        }
    }
}
