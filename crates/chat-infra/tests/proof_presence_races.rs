//! Many at once: whoever comes and goes at several nodes in the same moment, and several nodes that find the same
//! one dead.

mod fleet;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chat_domain::{
    news::Notice,
    ports::{Listener, PresenceStore},
    presence::{Movement, PresenceChange},
    service::Shared,
};
use chat_infra::redis::leases::Leases;
use chat_testkit::{
    proof::{Claim, Length},
    redis::RedisServer,
};
use tokio::task::JoinSet;

use self::fleet::{
    live::{FAST, Live, until},
    seat, truth,
};

/// One who hears everything.
#[derive(Default)]
struct Recorder(Mutex<Vec<PresenceChange>>);

impl Recorder {
    fn changes(&self) -> Vec<PresenceChange> {
        self.0.lock().expect("nobody panics with it").clone()
    }

    fn count(&self) -> usize {
        self.0.lock().expect("nobody panics with it").len()
    }
}

impl Listener for Recorder {
    fn hear(&self, notice: Notice) {
        if let Notice::Presence(change) = notice {
            self.0.lock().expect("nobody panics with it").push(change);
        }
    }

    fn missed(&self) {
        panic!("nothing is lost here");
    }

    fn lost(&self, shared: Shared) {
        panic!("{shared:?} is there all the time");
    }

    fn restored(&self, _: Shared) {}
}

/// A node that tells this one what it hears.
async fn recorder(
    url: &str,
    number: u128,
    rooms: &[&str],
    leases: Leases,
) -> (Live, Arc<Recorder>) {
    let recorder = Arc::<Recorder>::default();
    let listener: Arc<dyn Listener> = Arc::clone(&recorder) as _;
    let live = Live::start_for(url, number, rooms, leases, Arc::downgrade(&listener)).await;
    (live, recorder)
}

/// Each follows the one before, and of each user somebody joins and leaves in turns.
fn assert_in_turns(changes: &[PresenceChange]) -> usize {
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    let mut there: BTreeSet<(String, String)> = BTreeSet::new();
    let mut told = 0;
    for change in changes {
        let (room, user) = (change.group.to_string(), change.user.to_string());
        let version = versions.entry(room.clone()).or_default();
        assert_eq!(change.previous, *version, "{change:?}");
        *version = if change.counts.sockets == 0 {
            0
        } else {
            change.version
        };
        match change.movement {
            Movement::Joined => assert!(there.insert((room, user)), "{change:?}"),
            Movement::Left => assert!(there.remove(&(room, user)), "{change:?}"),
            Movement::Came | Movement::Went => {
                assert!(there.contains(&(room, user)), "{change:?}");
                continue;
            }
        }
        told += 1;
    }
    assert!(there.is_empty(), "{there:?}");
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_come_or_go_at_once_one_is_the_first_or_the_last() {
    const ROOMS: [&str; 2] = ["tea", "milk"];
    const CLIENTS: u64 = 8;
    let length = Length::asked();
    let rounds = length.pick(150, 6_250);
    let server = RedisServer::start().await;
    let (_observer, recorder) = recorder(&server.url(), 9, &ROOMS, Leases::default()).await;
    let near = Live::start(&server.url(), 1, &ROOMS, Leases::default()).await;
    let far = Live::start(&server.url(), 2, &ROOMS, Leases::default()).await;

    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let node = if client % 2 == 0 { &near } else { &far };
        let presence = Arc::clone(&node.presence);
        clients.spawn(async move {
            let mut chance = fastrand::Rng::with_seed(client);
            for round in 0..rounds {
                let user = ["ada", "bob", "cid"][chance.usize(..3)];
                let room = ROOMS[chance.usize(..2)];
                let seat = seat(room, user, &format!("{client}-{round}"));
                let entered = presence.enter(&seat).await.expect("Redis answers");
                assert!(entered.is_some_and(|counts| counts.sockets > 0));
                presence.leave(&seat).await.expect("Redis answers");
            }
        });
    }
    clients.join_all().await;
    let changes = usize::try_from(2 * CLIENTS * rounds).expect("it is small");
    until("all is heard", async || recorder.count() == changes).await;

    let told = assert_in_turns(&recorder.changes());
    assert!(told > 2, "they are in each other's way");
    let measured = format!("0 doubled of {told} told, in {changes} changes");
    Claim::PresenceRaces.measured(length, true, measured);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_node_had_is_given_up_once_by_however_many_and_a_bit_at_a_time() {
    const ROOMS: [&str; 4] = ["tea", "milk", "rum", "ale"];
    const REAPERS: u128 = 4;
    /// Redis does nothing else meanwhile.
    const AT_A_TIME: Duration = Duration::from_millis(20);
    let length = Length::asked();
    let seats = length.pick(1_000, 20_000_usize);
    let server = RedisServer::start().await;
    let (_observer, recorder) = recorder(&server.url(), 9, &ROOMS, FAST).await;
    let mut reapers = Vec::new();
    for number in 1..=REAPERS {
        reapers.push(Live::start(&server.url(), number, &[], FAST).await);
    }
    let dying = Arc::new(Live::start(&server.url(), 5, &[], FAST).await);
    let mut entering = JoinSet::new();
    for part in 0..8 {
        let presence = Arc::clone(&dying.presence);
        entering.spawn(async move {
            for number in (part..seats).step_by(8) {
                let user = format!("u{number}");
                let entered = presence.enter(&seat(ROOMS[number % 4], &user, &user)).await;
                entered.expect("Redis answers");
            }
        });
    }
    entering.join_all().await;
    until("all is heard", async || recorder.count() == seats).await;
    let limit = AT_A_TIME.as_micros().to_string();
    server.ask(&["CONFIG", "SET", "slowlog-log-slower-than", &limit]);
    server.ask(&["SLOWLOG", "RESET"]);

    drop(dying);
    let killed = Instant::now();
    until("all is heard", async || recorder.count() >= 2 * seats).await;
    let took = killed.elapsed();

    assert_eq!(assert_in_turns(&recorder.changes()), 2 * seats);
    let left = truth::stored(&reapers[0].connection).await;
    let left = fleet::live::families(left);
    assert!(left.is_empty(), "{left:?}");
    let slow = server.ask(&["SLOWLOG", "LEN"]);
    let beyond = took.saturating_sub(FAST.lease).as_millis();
    let measured = format!(
        "{seats} seats given up once, {beyond} ms after the lease; {slow} steps took more than 20 ms"
    );
    Claim::Reapers.measured(length, slow == "0", measured);
}
