//! The nodes behind a load balancer are restarted one after the other, as for an upgrade.

use std::{array, fmt, time::Duration};

use chat_load::record::{Diary, End, Event, Record, User, micros};
use chat_testkit::{
    chat_server::ChatServer,
    haproxy::Haproxy,
    load,
    proof::{Claim, Length},
};

use crate::fleet::{Fleet, NODES, acknowledged, all_there};

/// A node that stops keeps its users in the rooms for so long: the default of `CHAT_SHUTDOWN__GRACE_MS`.
const GRACE: Duration = Duration::from_secs(5);
/// What the contract says of transports.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);
const EXACT_WITHIN: Duration = Duration::from_secs(10);
/// From one stop to the next, at least: the grace time, a start, and two of HAProxy's checks.
const ROUND_SECONDS: u64 = 16;
/// Every other client comes back after a second, more or less, whatever it is told.
const ONE_IN_IS_STOCK: u32 = 2;
/// Of those who wait as they are told to, no half second may have more than one in so many.
const LARGEST_PART: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_that_nodes_are_restarted_one_after_the_other() {
    let length = Length::asked();
    let (users, rate) = length.pick((60_u32, 50_u64), (600, 200));
    let mut fleet = Fleet::start().await;
    let addresses = array::from_fn(|node| ChatServer::address(&fleet.nodes[node]));
    let mut balancer = Haproxy::start(addresses).await;
    let seconds = ROUND_SECONDS * NODES as u64;
    let scenario = format!(
        "fan-out --clients {users} --room-size 12 --rate {rate} --seconds {seconds}
        --one-in-is-stock {ONE_IN_IS_STOCK}"
    );

    let mut stops = Vec::new();
    let urls = [balancer.url()];
    let outcome = fleet
        .endure_at(&urls, &scenario, async |fleet, clients| {
            for node in 0..NODES {
                all_there(users, clients).await;
                acknowledged(rate, clients).await;
                stops.push(clients.now());
                let ends_well = fleet.nodes[node].stop().await;
                assert!(ends_well, "{}", fleet.nodes[node].log());
                fleet.nodes[node].restart().await;
                balancer.wait_until_up(node).await;
                fleet.exact(clients, EXACT_WITHIN).await;
            }
        })
        .await;

    let restarts: Vec<Restart> = stops
        .iter()
        .enumerate()
        .map(|(number, stop)| {
            let until = stops.get(number + 1).copied().unwrap_or(u64::MAX);
            Restart::look(&outcome.record, *stop, until)
        })
        .collect();
    let told = told(&outcome.record, stops[0], &restarts);
    let slowest = |time: fn(&Return) -> Duration| {
        let returns = restarts.iter().flat_map(|restart| &restart.returns);
        returns.map(time).max().unwrap_or_default()
    };
    let (closed, joined) = (slowest(|it| it.closed), slowest(|it| it.joined));
    let refused = outcome.report.counts.connections_refused;
    let is_smooth = length == Length::Bounded
        || closed <= CLOSED_WITHIN
            && joined < GRACE
            && refused == 0
            && restarts.iter().all(Restart::is_spread);
    let came_back = restarts.iter().all(|restart| !restart.returns.is_empty());
    let messages = rate * seconds;
    let holds = load::is_complete(&outcome, messages) && told.is_empty() && came_back && is_smooth;
    let histograms: Vec<String> = restarts.iter().map(ToString::to_string).collect();
    let measured = format!(
        "{} restarts, {} said to leave or to join; transports closed within {:.1} s, all back in their rooms within \
        {:.1} s, {refused} attempts in vain; back in each half second after SIGTERM, as told + stock clients: {}; {}",
        restarts.len(),
        told.len(),
        closed.as_secs_f64(),
        joined.as_secs_f64(),
        histograms.join("; "),
        load::summary(&outcome),
    );
    println!("{measured}");
    Claim::FleetRolling.measured(length, holds, &measured);
    assert!(
        holds,
        "{measured}\n{}\n{told:#?}\n{}",
        outcome.verdict,
        load::keep(&outcome)
    );
}

/// What a stop did to the clients of its node.
struct Restart {
    returns: Vec<Return>,
}

/// Somebody who lost the connection and came back, with the times from the stop on.
struct Return {
    user: User,
    closed: Duration,
    /// The server has said `session`.
    opened: Duration,
    /// Back in the room.
    joined: Duration,
}

impl Restart {
    fn look(record: &Record, stop: u64, until: u64) -> Self {
        let returns = record.diaries.iter();
        let returns = returns.filter_map(|diary| Return::find(diary, stop, until));
        Self {
            returns: returns.collect(),
        }
    }

    /// How many of them were back in each half second, those first who waited as they were told to.
    fn histograms(&self) -> [Vec<usize>; 2] {
        let mut histograms = [Vec::new(), Vec::new()];
        for it in &self.returns {
            let is_stock = it.user.0 % ONE_IN_IS_STOCK == 0;
            let histogram = &mut histograms[usize::from(is_stock)];
            let at = usize::try_from(it.opened.as_millis() / 500).expect("it is small");
            if histogram.len() <= at {
                histogram.resize(at + 1, 0);
            }
            histogram[at] += 1;
        }
        histograms
    }

    fn is_spread(&self) -> bool {
        let [told, _] = self.histograms();
        let all: usize = told.iter().sum();
        let most = told.iter().max().copied().unwrap_or_default();
        most * LARGEST_PART <= all
    }

    /// Who was away for so long that others may have been told.
    fn was_late(&self, user: User) -> bool {
        let mut late = self.returns.iter().filter(|it| it.joined >= GRACE);
        late.any(|it| it.user == user)
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [told, stock] = self.histograms();
        write!(f, "{told:?} + {stock:?}")
    }
}

impl Return {
    /// The first one after the stop, and before the next.
    fn find(diary: &Diary, stop: u64, until: u64) -> Option<Self> {
        let mut entries = diary.entries.iter();
        let mut when = |is_it: fn(&Event) -> bool| {
            let entry = entries.find(|entry| entry.at >= stop && is_it(&entry.event))?;
            Some(Duration::from_micros(entry.at - stop))
        };
        let closed = when(|event| matches!(event, Event::Closed(End::Server)))?;
        let opened = when(|event| matches!(event, Event::Opened))?;
        let joined = when(|event| matches!(event, Event::Joined { .. }))?;
        (stop + micros(closed) < until).then_some(Self {
            user: diary.user,
            closed,
            opened,
            joined,
        })
    }
}

/// What anybody was told of who comes and goes since then, though the user was not away for long.
fn told(record: &Record, since: u64, restarts: &[Restart]) -> Vec<String> {
    // After the end all go home, one after the other.
    let during = since..record.end;
    let mut told = Vec::new();
    for diary in &record.diaries {
        let entries = diary.entries.iter();
        for entry in entries.filter(|entry| during.contains(&entry.at)) {
            let (Event::Gone { user, .. } | Event::Entered { user, .. }) = entry.event else {
                continue;
            };
            if !restarts.iter().any(|restart| restart.was_late(user)) {
                told.push(format!(
                    "{:?} at {}: {:?}",
                    diary.user, entry.at, entry.event
                ));
            }
        }
    }
    told
}
