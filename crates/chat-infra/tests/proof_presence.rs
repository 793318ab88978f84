//! Random operations of several nodes over a real Redis, against a naive model.
//!
//! After each operation: each change follows the one before it, and no user is said to have come or gone who has
//! not. When all is quiet, what is in Redis is what the sockets hold, byte for byte, and everybody sees it.

mod fleet;

use chat_testkit::proof::{Claim, Length};
use fred::interfaces::{ClientLike, LuaInterface};
use tokio::task::JoinSet;

use self::fleet::Fleet;

const USERS: usize = 40;
const ROOMS: usize = 8;
const CONNECTIONS: usize = 3;

struct Run {
    fleet: Fleet,
    chance: fastrand::Rng,
    socket_count: usize,
    kills: usize,
    flushes: usize,
}

impl Run {
    async fn start(seed: u64) -> Self {
        Self {
            fleet: Fleet::start(3, ROOMS).await,
            chance: fastrand::Rng::with_seed(seed),
            socket_count: 0,
            kills: 0,
            flushes: 0,
        }
    }

    async fn step(&mut self) {
        match self.chance.u32(..100_000) {
            0..36_000 => self.join().await,
            36_000..66_000 => self.leave().await,
            66_000..86_000 => self.disconnect().await,
            86_000..95_000 => {
                let millis = self.chance.u64(1..2_000);
                self.fleet.pass(millis).await;
            }
            95_000..96_000 => {
                let millis = self.chance.u64(1..30_000);
                let place = self.chance.usize(..self.fleet.nodes.len());
                self.fleet.pause(place, millis);
            }
            96_000..96_500 => self.kill().await,
            96_500..97_500 => {
                let millis = self.chance.u64(1..12_000);
                self.fleet.pass(millis).await;
            }
            97_500..97_550 => self.flush().await,
            97_550..97_600 => self.forget_scripts().await,
            97_600..97_750 => self.turn_clock(),
            97_750..97_780 => self.quiesce().await,
            97_780..97_800 => self.fleet.server.save(),
            _ => {}
        }
    }

    /// A new socket, or one that is there, comes into a room.
    async fn join(&mut self) {
        let socket = match self.any_socket() {
            Some(socket) if self.chance.u8(..10) < 6 => socket,
            _ => match self.connect().await {
                Some(socket) => socket,
                None => return,
            },
        };
        let room = self.any_room();
        self.fleet.join(&socket, &room).await;
    }

    async fn connect(&mut self) -> Option<String> {
        let awake = (0..self.fleet.nodes.len())
            .filter(|place| !self.fleet.is_paused(&self.fleet.nodes[*place]));
        let awake: Vec<usize> = awake.collect();
        let place = *self.chance.choice(&awake)?;
        self.socket_count += 1;
        let socket = format!("s{}", self.socket_count);
        let user = format!("u{}", self.chance.usize(..USERS));
        self.fleet.connect(place, &user, &socket, CONNECTIONS).await;
        Some(socket)
    }

    /// Also of a room that it is not in.
    async fn leave(&mut self) {
        if let Some(socket) = self.any_socket() {
            let room = self.any_room();
            self.fleet.leave(&socket, &room).await;
        }
    }

    async fn disconnect(&mut self) {
        if let Some(socket) = self.any_socket() {
            self.fleet.disconnect(&socket).await;
        }
    }

    async fn kill(&mut self) {
        let place = self.chance.usize(..self.fleet.nodes.len());
        self.fleet.kill(place);
        self.fleet.add_node().await;
        self.kills += 1;
    }

    /// Nobody notices, and everything is there again within five seconds.
    async fn flush(&mut self) {
        self.flushes += 1;
        let flushing = self
            .fleet
            .connection
            .ask(|redis| async move { redis.flushall::<()>(false).await });
        flushing.await.expect("Redis answers");
        let told = self.fleet.told;
        let is_quiet = self.fleet.is_quiet();
        self.fleet.pass(5_000).await;
        if is_quiet {
            assert_eq!(self.fleet.told, told, "nobody notices");
        }
        if !self.fleet.is_anybody_paused() {
            self.fleet.assert_exact().await;
        }
    }

    async fn forget_scripts(&self) {
        let forgetting = self
            .fleet
            .connection
            .ask(|redis| async move { redis.script_flush(false).await });
        forgetting.await.expect("Redis answers");
    }

    /// By up to an hour, and not by so little that it could be anything else.
    fn turn_clock(&mut self) {
        let millis = self.chance.i64(1_000..3_600_000);
        let sign = if self.chance.bool() { 1 } else { -1 };
        self.fleet.turn_clock(sign * millis);
    }

    /// Redis ends, with what was saved long ago, or with nothing. Life goes on meanwhile.
    async fn restart(&mut self) {
        self.fleet.server.kill();
        self.fleet.wait_until_redis(false).await;
        for _ in 0..20 {
            match self.chance.u8(..3) {
                0 => self.join().await,
                1 => self.leave().await,
                _ => self.disconnect().await,
            }
        }
        self.fleet.server.restart().await;
        self.fleet.wait_until_redis(true).await;
        let was_paused = self.fleet.is_anybody_paused();
        self.fleet.pass(10_000).await;
        if !was_paused {
            self.fleet.assert_exact().await;
        }
    }

    /// All goes well for a while.
    async fn quiesce(&mut self) {
        self.fleet.resume();
        self.fleet.pass(40_000).await;
        for node in &self.fleet.nodes {
            assert!(node.presence.is_exact(), "all is well");
        }
        self.fleet.assert_exact().await;
        self.fleet.assert_shown();
    }

    async fn end(&mut self) {
        self.quiesce().await;
        self.fleet.resume();
        let sockets: Vec<String> = self.fleet.sockets.keys().cloned().collect();
        for socket in sockets {
            self.fleet.disconnect(&socket).await;
        }
        for node in &self.fleet.nodes {
            node.presence.retire().await.expect("Redis answers");
        }
        let stored = fleet::truth::stored(&self.fleet.connection).await;
        assert!(stored.is_empty(), "nothing is left: {stored:?}");
    }

    /// Of a node that is not paused.
    fn any_socket(&mut self) -> Option<String> {
        let fleet = &self.fleet;
        let awake = fleet.sockets.iter();
        let awake = awake.filter(|(_, socket)| !fleet.is_paused(fleet.node_of(socket)));
        let awake: Vec<&String> = awake.map(|(id, _)| id).collect();
        self.chance.choice(awake).cloned()
    }

    fn any_room(&mut self) -> String {
        let room = self.chance.usize(..ROOMS);
        self.fleet.rooms[room].to_string()
    }
}

/// What came of one run.
#[derive(Default)]
struct Sum {
    kills: usize,
    flushes: usize,
    told: usize,
}

async fn run(seed: u64, operations: usize, restarts: usize) -> Sum {
    let mut run = Run::start(seed).await;
    for operation in 1..=operations {
        run.step().await;
        if operation % (operations / (restarts + 1)) == 0 {
            run.restart().await;
        }
    }
    run.end().await;
    Sum {
        kills: run.kills,
        flushes: run.flushes,
        told: run.fleet.told,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_lost_doubled_or_left_behind_whatever_happens() {
    const AT_ONCE: usize = 2;
    let length = Length::asked();
    let (seeds, operations, restarts) = length.pick((2, 2_000, 1), (20, 100_000, 5));

    let (mut running, mut sum) = (JoinSet::new(), Sum::default());
    for seed in 1..=seeds + AT_ONCE as u64 {
        if seed <= seeds {
            running.spawn(run(seed, operations, restarts));
        }
        if running.len() == AT_ONCE || seed > seeds {
            let Some(done) = running.join_next().await else {
                break;
            };
            let done = done.expect("no run shows a violation");
            sum.kills += done.kills;
            sum.flushes += done.flushes;
            sum.told += done.told;
        }
    }

    let Sum {
        kills,
        flushes,
        told,
    } = sum;
    let restarts = seeds * restarts as u64;
    let measured =
        format!("0 violations: {told} told, {kills} kills, {flushes} flushes, {restarts} restarts");
    Claim::PresenceModel.measured(length, true, measured);
}
