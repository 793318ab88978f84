//! How much is in Redis. One node counts for all, from time to time; the others read what it found.
//!
//! It goes through the names of all keys, page by page with pauses, so that nobody waits for it.

use std::{collections::BTreeMap, time::Duration};

use fred::{clients::Client, error::Error, interfaces::ClientLike, types::Value};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::metrics;

use super::{
    connection::{Connection, Trouble},
    keys,
    script::{Answer, command, odd},
};

/// How often a node looks for what was found.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// What was found is worth nothing after that, and is counted anew.
const WORTH_MS: u64 = 60_000;

/// Whoever counts has died if it takes longer.
const COUNTS_WITHIN_MS: u64 = 45_000;

/// How many keys are asked for at once.
const PAGE: u32 = 1_000;

/// After so many pages the rest is assumed to be like what was seen.
const MOST_PAGES: u32 = 2_000;

const PAUSE: Duration = Duration::from_millis(5);

/// Of so many keys in a page the size is asked.
const WEIGHED: usize = 4;

/// Every family of keys, as operators call it.
const FAMILIES: [&str; 5] = ["room_users", "user_rooms", "user_sockets", "typing", "own"];

/// Counts what is in one Redis.
pub struct Census {
    connection: Connection,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Figures {
    keys: BTreeMap<String, u64>,
    presence_bytes: u64,
    all_bytes: u64,
}

/// What was seen of the keys so far.
#[derive(Default)]
struct Tally {
    keys: [u64; FAMILIES.len()],
    seen: u64,
    of_presence: u64,
    weighed: u64,
    weight: u64,
}

impl Census {
    /// Of the Redis of that connection.
    #[must_use]
    pub const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Shows operators what is there, again and again.
    pub async fn go_on(self) {
        loop {
            // While Redis is away there is nothing to see; that it is away shows elsewhere.
            if let Ok(Some(figures)) = self.look().await {
                figures.show();
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// What somebody has found, or this node finds; `None` while somebody else counts.
    async fn look(&self) -> Result<Option<Figures>, Trouble> {
        let found = command(&self.connection, "GET", vec![keys::CENSUS.into()]).await?;
        if let Some(figures) = found.optional_text() {
            return serde_json::from_str(&figures).map(Some).map_err(|_| odd());
        }
        let claim = [keys::CENSUS_CLAIM, "1", "NX", "PX"].map(Value::from);
        let claim = [claim.to_vec(), vec![COUNTS_WITHIN_MS.to_string().into()]].concat();
        let claimed = command(&self.connection, "SET", claim).await?;
        if claimed.optional_text().is_none() {
            return Ok(None);
        }
        let figures = self.count().await?;
        let text = serde_json::to_string(&figures).map_err(|_| odd())?;
        let note = [keys::CENSUS, &text, "PX"].map(Value::from);
        let note = [note.to_vec(), vec![WORTH_MS.to_string().into()]].concat();
        command(&self.connection, "SET", note).await?;
        Ok(Some(figures))
    }

    async fn count(&self) -> Result<Figures, Trouble> {
        let (mut tally, mut cursor) = (Tally::default(), "0".to_owned());
        for _ in 0..MOST_PAGES {
            let page = vec![cursor.into(), "COUNT".into(), PAGE.to_string().into()];
            let mut page = command(&self.connection, "SCAN", page).await?;
            cursor = page.text()?;
            let keys = page.texts()?;
            for key in &keys {
                tally.see(key);
            }
            for key in keys.iter().filter(|key| is_presence(key)).take(WEIGHED) {
                self.weigh(key, &mut tally).await?;
            }
            if cursor == "0" {
                break;
            }
            sleep(PAUSE).await;
        }
        let all = command(&self.connection, "DBSIZE", Vec::new()).await?;
        let memory = match self.connection.ask(memory).await {
            Err(trouble) if trouble.is_loss() => return Err(trouble),
            // Whoever may not ask for it goes without.
            outcome => outcome.unwrap_or_default(),
        };
        Ok(tally.figures(cursor == "0", all, memory))
    }

    /// Likewise.
    async fn weigh(&self, key: &str, tally: &mut Tally) -> Result<(), Trouble> {
        let asked = vec!["USAGE".into(), key.into()];
        match command(&self.connection, "MEMORY", asked).await {
            Ok(mut bytes) => {
                // The key may be gone by now.
                if let Ok(bytes) = bytes.count() {
                    tally.weighed += 1;
                    tally.weight += bytes as u64;
                }
                Ok(())
            }
            Err(trouble) if trouble.is_loss() => Err(trouble),
            Err(_) => Ok(()),
        }
    }
}

async fn memory(client: Client) -> Result<u64, Error> {
    let info: String = client.info(None).await?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line
        .and_then(|bytes| bytes.trim().parse().ok())
        .unwrap_or_default())
}

impl Tally {
    fn see(&mut self, key: &str) {
        self.seen += 1;
        self.of_presence += u64::from(is_presence(key));
        if let Some(place) = family(key) {
            self.keys[place] += 1;
        }
    }

    /// If not all keys were seen, the others are taken to be like those.
    fn figures(&self, is_whole: bool, mut all: Answer, all_bytes: u64) -> Figures {
        let all = all.count().unwrap_or_default() as u64;
        let scaled = |count: u64| {
            if is_whole || self.seen == 0 {
                count
            } else {
                count.saturating_mul(all) / self.seen
            }
        };
        let keys = FAMILIES.iter().zip(self.keys);
        let keys = keys.map(|(family, count)| ((*family).to_owned(), scaled(count)));
        let weight = self.weight.saturating_mul(scaled(self.of_presence));
        Figures {
            keys: keys.collect(),
            presence_bytes: weight.checked_div(self.weighed).unwrap_or_default(),
            all_bytes,
        }
    }
}

impl Figures {
    fn show(&self) {
        let count = |family: &str| self.keys.get(family).copied().unwrap_or_default();
        let keys = FAMILIES.map(|family| (family, count(family)));
        metrics::redis_holds(&keys, self.presence_bytes, self.all_bytes);
    }
}

/// The place of its family among [`FAMILIES`]: ids have no colon.
fn family(key: &str) -> Option<usize> {
    let parts: Vec<&str> = key.splitn(4, ':').collect();
    match parts[..] {
        ["room", _, "users"] => Some(0),
        ["user", _, "rooms"] => Some(1),
        ["user", _, "sockets", _] => Some(2),
        ["typing", _, _] => Some(3),
        ["chat", ..] => Some(4),
        _ => None,
    }
}

/// Whether it says who is where, as clients of Redis see it or as nodes do.
fn is_presence(key: &str) -> bool {
    const OWN: [&str; 3] = ["chat:node:", "chat:room:", "chat:user:"];
    family(key).is_some_and(|family| family < 4) || OWN.iter().any(|own| key.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_family() {
        let families = [
            "room:tea:users",
            "user:ada:rooms",
            "user:ada:sockets:tea",
            "typing:tea:ada",
            "chat:nodes",
            "somebody:else",
            "room:tea",
        ];

        let found = families.map(|key| family(key).map(|place| FAMILIES[place]));

        let expected = [
            Some("room_users"),
            Some("user_rooms"),
            Some("user_sockets"),
            Some("typing"),
            Some("own"),
            None,
            None,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_says_who_is_where_is_presence_and_limits_are_not() {
        let is = [
            "room:a:users",
            "chat:node:1:owned",
            "chat:room:tea",
            "chat:limit:messages:ada",
            "chat:epoch",
        ];

        assert_eq!(is.map(is_presence), [true, true, true, false, false]);
    }

    #[test]
    fn keys_that_were_not_seen_are_taken_to_be_like_the_others() {
        let mut tally = Tally::default();
        for key in ["room:a:users", "chat:nodes"] {
            tally.see(key);
        }
        (tally.weighed, tally.weight) = (1, 70);

        let figures = tally.figures(false, Answer::of(Value::Integer(100)), 1_000);

        assert_eq!(figures.keys["room_users"], 50);
        assert_eq!(figures.keys["own"], 50);
        assert_eq!((figures.presence_bytes, figures.all_bytes), (3_500, 1_000));
    }
}
