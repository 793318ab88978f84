//! Those who chat meanwhile, two in each room: one speaks, the other listens. Nothing that is said is lost.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{task::JoinSet, time::interval};

use crate::{door::Door, support::Client};

const PAIRS: u8 = 10;

/// A little less often than one may.
const SPEAK_EVERY: Duration = Duration::from_millis(250);

/// Everybody else.
pub struct Others(Vec<Pair>);

struct Pair {
    group: String,
    speaker: Client,
    listener: Client,
    said: u64,
}

/// The group of a pair, and who is in it.
fn cast(number: u8) -> (String, [String; 2]) {
    let users = [format!("speaker{number}"), format!("listener{number}")];
    (format!("quiet{number}"), users)
}

/// The groups that there have to be, each with its members.
pub fn groups() -> impl Iterator<Item = (String, [String; 2])> {
    (0..PAIRS).map(cast)
}

impl Others {
    /// All come in, each from an address of its own.
    pub async fn come(door: &Door) -> Self {
        let mut pairs = Vec::new();
        for number in 0..PAIRS {
            let (group, [speaker, listener]) = cast(number);
            let home = |side| Ipv4Addr::new(127, 0, side, number);
            pairs.push(Pair {
                speaker: door.join(home(1), &speaker, &group).await,
                listener: door.join(home(2), &listener, &group).await,
                group,
                said: 0,
            });
        }
        Self(pairs)
    }

    /// Chat for a while. Returns how long each message took from sending to receiving.
    pub async fn chat(&mut self, length: Duration) -> Vec<Duration> {
        let mut chatting: JoinSet<_> = self.0.drain(..).map(|pair| pair.chat(length)).collect();
        let mut delays = Vec::new();
        while let Some(chatted) = chatting.join_next().await {
            let (pair, its_delays) = chatted.expect("nothing is lost");
            self.0.push(pair);
            delays.extend(its_delays);
        }
        delays
    }
}

impl Pair {
    async fn chat(mut self, length: Duration) -> (Self, Vec<Duration>) {
        let (mut pace, start, mut delays) = (interval(SPEAK_EVERY), Instant::now(), Vec::new());
        while start.elapsed() < length {
            pace.tick().await;
            delays.push(self.say().await);
        }
        (self, delays)
    }

    /// Says the next thing. Returns how long it took until it was heard.
    async fn say(&mut self) -> Duration {
        self.said += 1;
        let content = self.said.to_string();
        let message = json!({"groupId": self.group, "content": content});
        let asked = Instant::now();
        let hearing = async {
            let heard = self.listener.wait_for("message_received").await;
            (heard, asked.elapsed())
        };
        let (_, (heard, delay)) = tokio::join!(self.speaker.call("send_message", message), hearing);
        assert_eq!(heard["content"], content, "nothing is left out");
        assert_eq!(heard["seq"], self.said, "and nothing doubled");
        self.speaker.take_heard();
        delay
    }
}
