//! What can be done: each use case fetches, decides, stores and tells.
//!
//! [`Chat`] is one node. Its methods are spread over the files of this folder, one topic each:
//! [`connect`], [`join`], [`send`], [`typing`], [`history`], [`members`] (of a room), [`unread`],
//! [`groups`], [`roster`], [`census`] (for operators); `hear` takes what other nodes tell, `tend` does what falls due.

mod authorise;
mod cache;
mod caring;
pub mod census;
pub mod connect;
mod followers;
pub mod groups;
mod hear;
pub mod history;
pub mod join;
mod meanwhile;
pub mod members;
pub mod revoke;
mod ripening;
mod rooms;
pub mod roster;
pub mod send;
mod tend;
pub mod typing;
pub mod unread;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    id::{NodeId, UserId},
    limit::{Quota, Throttle},
    ports::{
        Agenda, Bus, Clock, Dice, GroupRepo, Listener, MembershipRepo, MessageLog, Observer,
        PresenceStore, RateLimiter, ReadMarks, RevokedTokens, Roster, Sockets, TypingStore,
        UserRepo,
    },
    room::RoomPolicy,
    service::{Reach, ServiceStatus, Shared},
    time::Timestamp,
};

use self::{cache::MembershipCache, followers::Followers, rooms::Rooms};

/// Everything that a node needs from outside, and its name there.
#[derive(Clone)]
#[expect(
    missing_docs,
    reason = "each field is named after its trait, which says what it is for"
)]
pub struct Ports {
    pub node: NodeId,
    pub users: Arc<dyn UserRepo>,
    pub groups: Arc<dyn GroupRepo>,
    pub memberships: Arc<dyn MembershipRepo>,
    pub roster: Arc<dyn Roster>,
    pub log: Arc<dyn MessageLog>,
    pub marks: Arc<dyn ReadMarks>,
    pub revoked: Arc<dyn RevokedTokens>,
    pub presence: Arc<dyn PresenceStore>,
    pub typing: Arc<dyn TypingStore>,
    pub bus: Arc<dyn Bus>,
    pub limiter: Arc<dyn RateLimiter>,
    pub sockets: Arc<dyn Sockets>,
    pub agenda: Arc<dyn Agenda>,
    pub observer: Arc<dyn Observer>,
    pub clock: Arc<dyn Clock>,
    pub dice: Arc<dyn Dice>,
}

/// What an operator decides.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How rooms behave.
    pub rooms: RoomPolicy,
    /// How many rooms one socket may be in; `None`: any number.
    pub rooms_per_socket: Option<usize>,
    /// How many bytes of text a page of a history has at most, but for a single message.
    pub page_bytes: usize,
    /// How often a user may send.
    pub messages: Option<Quota>,
    /// How often a user may start or stop typing in one room.
    pub typing: Option<Quota>,
    /// How often a user may join at this node.
    pub joins: Option<Quota>,
    /// How often a user may read a page of a history at this node.
    pub history: Option<Quota>,
}

/// One node of the chat: the entrance to every use case.
pub struct Chat {
    ports: Ports,
    policy: Policy,
    rooms: Rooms,
    memberships: MembershipCache,
    followers: Arc<Followers>,
    joins: Throttle<UserId>,
    history: Throttle<UserId>,
    reach: Mutex<Reach>,
    /// When the revoked tokens were looked up last.
    revoked_at: Mutex<Timestamp>,
    /// Whether somebody already promised to compare everything with the truth.
    compares: AtomicBool,
    /// Whether the sockets that go now are expected at other nodes.
    hands_over: AtomicBool,
}

impl Chat {
    /// Puts a node together, and lets it listen to the bus.
    #[must_use]
    pub fn new(ports: Ports, policy: Policy) -> Arc<Self> {
        let followers = Followers::new(Arc::clone(&ports.bus), Arc::clone(&ports.agenda));
        let followers = Arc::new(followers);
        let chat = Arc::new(Self {
            rooms: Rooms::new(
                ports.node,
                policy.rooms,
                Arc::clone(&ports.agenda),
                Arc::clone(&ports.sockets),
                Arc::clone(&ports.bus),
                Arc::clone(&followers),
            ),
            memberships: MembershipCache::default(),
            followers,
            joins: Throttle::new(policy.joins),
            history: Throttle::new(policy.history),
            reach: Mutex::new(Reach::full(ports.clock.now())),
            compares: AtomicBool::new(false),
            revoked_at: Mutex::default(),
            hands_over: AtomicBool::new(false),
            ports,
            policy,
        });
        let listener: Weak<dyn Listener> =
            Arc::downgrade(&(Arc::clone(&chat) as Arc<dyn Listener>));
        chat.ports.bus.attach(listener);
        chat
    }

    /// How well this node serves, as its users were told.
    #[must_use]
    pub fn service_status(&self) -> ServiceStatus {
        self.reach().told().clone()
    }

    /// Whether that is out of reach.
    #[must_use]
    pub fn lacks(&self, shared: Shared) -> bool {
        self.reach().lacks(shared)
    }

    /// From now on sockets whose connection ends stay in the store of presence: their users are expected at other
    /// nodes. Who leaves a room or is removed leaves it all the same. Whoever stops this node takes the others out of
    /// the store in the end.
    pub fn begin_handover(&self) {
        self.hands_over.store(true, Ordering::Relaxed);
    }

    fn reach(&self) -> MutexGuard<'_, Reach> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
}
