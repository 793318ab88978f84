//! Floods and silence in turn, and what the others notice.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use chat_testkit::{
    chat_server::ChatServer,
    proof::{Claim, Length},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    door::Door,
    others::{Others, groups},
    support::Site,
};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

pub const TIMES_THE_LIMIT: u64 = 100;

/// Others may notice that much, and no more.
const TIMES_AS_LATE: f64 = 2.0;

const PHASE: Duration = Duration::from_millis(2_500);
const WARM_UP: Duration = Duration::from_secs(1);

/// A way to flood.
pub struct Flood {
    pub claim: Claim,
    /// What one may, in ten seconds.
    pub limit: u64,
    /// How many do it at once.
    pub hands: u64,
    /// How much one of them does at a time.
    pub blow: u64,
}

/// What came of it so far.
#[derive(Default)]
pub struct Tally {
    is_over: AtomicBool,
    tried: AtomicU64,
    refused: AtomicU64,
}

impl Tally {
    /// So many were refused.
    pub fn refused(&self, count: u64) {
        self.refused.fetch_add(count, Relaxed);
    }

    /// Whether the flood is to end.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }
}

/// One of those who flood.
pub trait Hand: Send + 'static {
    /// Does all of one blow.
    fn strike(&mut self, tally: &Arc<Tally>) -> impl Future<Output = ()> + Send;
}

/// Makes the groups in which the others chat.
pub async fn make_groups(server: &ChatServer) {
    let site = Site {
        address: server.address(),
    };
    for (group, users) in groups() {
        site.group(&group, &users.each_ref().map(String::as_str))
            .await;
    }
}

impl Flood {
    /// Lets the others chat with it and without, in turn, and judges. `hand` makes one of those who flood.
    pub async fn play<H: Hand>(&self, door: &Door, hand: impl Fn(u64) -> H) {
        let length = Length::asked();
        let (pairs, phase) = length.pick((2, PHASE / 2), (20, PHASE));
        let mut others = Others::come(door).await;
        others.chat(WARM_UP).await;

        let (mut without, mut with, mut tried, mut refused) = (Vec::new(), Vec::new(), 0, 0);
        // In turn, and briefly: what else the machine does meanwhile meets both.
        for _ in 0..pairs {
            without.extend(others.chat(phase).await);
            let tally = Arc::<Tally>::default();
            let flooding: JoinSet<()> = (0..self.hands)
                .map(|number| self.keep_striking(hand(number), Arc::clone(&tally)))
                .collect();
            with.extend(others.chat(phase).await);
            tried += tally.tried.load(Relaxed);
            tally.is_over.store(true, Relaxed);
            flooding.join_all().await;
            refused += tally.refused.load(Relaxed);
        }

        let (with, without) = (p99(with), p99(without));
        let times = with.as_secs_f64() / without.as_secs_f64();
        let rate = u128::from(tried) * 1_000 / (phase.as_millis() * pairs);
        let percent = 100 * refused / tried.max(1);
        let measured = format!(
            "{times:.2} times: {with:.1?} against {without:.1?}, beside {rate}/s of which {percent} % were refused"
        );
        println!("{measured}");
        let is_a_flood = rate * 100 >= u128::from(self.limit * TIMES_THE_LIMIT) * 9;
        let holds = is_a_flood && times < TIMES_AS_LATE;
        self.claim.measured(length, holds, &measured);
        assert!(refused > 0, "most of it is too much");
    }

    fn keep_striking<H: Hand>(
        &self,
        mut hand: H,
        tally: Arc<Tally>,
    ) -> impl Future<Output = ()> + use<H> {
        let blow = self.blow;
        let per_ten_seconds = self.limit * TIMES_THE_LIMIT / self.hands / blow;
        let mut pace = interval(Duration::from_secs(10) / u32::try_from(per_ten_seconds).unwrap());
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        async move {
            while !tally.is_over() {
                pace.tick().await;
                hand.strike(&tally).await;
                tally.tried.fetch_add(blow, Relaxed);
            }
        }
    }
}

/// The longest, but for the longest hundredth.
fn p99(mut delays: Vec<Duration>) -> Duration {
    delays.sort();
    delays[delays.len() * 99 / 100]
}
