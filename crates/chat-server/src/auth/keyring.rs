//! The keys that count now, and which of them a token means.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jsonwebtoken::Header;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};

use super::key::Key;

/// A key that its document no longer lists is still good for so long after it was last seen there.
const KEPT: Duration = Duration::from_secs(10 * 60);

/// Tokens that name unknown keys cause at most one look into the document in this time.
const ASKED_EVERY: Duration = Duration::from_secs(30);

/// Nobody waits longer than this for a look into the document.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the ring says about a token's key.
pub enum Choice {
    /// This one.
    Key(Arc<Key>),
    /// None of them.
    Unknown,
    /// Nobody knows: the document has never been read.
    Away,
}

/// The keys, for those who check tokens.
#[derive(Clone)]
pub struct Keyring {
    known: watch::Receiver<Known>,
    asking: Option<Arc<Asking>>,
}

/// The keys, for whoever reads the document anew.
pub struct Renewed {
    known: watch::Sender<Known>,
    asking: Arc<Asking>,
}

#[derive(Clone, Default)]
struct Known {
    keys: Arc<[Kept]>,
    /// Whether the document was ever read.
    is_there: bool,
}

#[derive(Clone)]
struct Kept {
    key: Arc<Key>,
    seen_at: Instant,
}

#[derive(Default)]
struct Asking {
    wanted: Notify,
    state: Mutex<Looking>,
}

#[derive(Default)]
struct Looking {
    is_under_way: bool,
    asked_at: Option<Instant>,
}

impl Keyring {
    /// One key for good.
    pub fn fixed(key: Key) -> Self {
        let seen_at = Instant::now();
        let (_, known) = watch::channel(Known {
            keys: Arc::new([Kept {
                key: Arc::new(key),
                seen_at,
            }]),
            is_there: true,
        });
        Self {
            known,
            asking: None,
        }
    }

    /// Keys that somebody else renews.
    pub fn renewed() -> (Self, Renewed) {
        let (sender, known) = watch::channel(Known::default());
        let asking = Arc::<Asking>::default();
        let ring = Self {
            known,
            asking: Some(Arc::clone(&asking)),
        };
        let renewed = Renewed {
            known: sender,
            asking,
        };
        (ring, renewed)
    }

    /// Whether there are keys.
    pub fn is_there(&self) -> bool {
        self.known.borrow().is_there
    }

    /// The key that a token means. If it is none that is known, this may wait a little for a new document.
    pub async fn choose(&self, header: &Header) -> Choice {
        let Some(asking) = &self.asking else {
            let known = self.known.borrow();
            return known.keys.first().map_or(Choice::Unknown, Kept::chosen);
        };
        let mut changes = self.known.clone();
        changes.mark_unchanged();
        if let Some(key) = self.find(header) {
            return key;
        }
        if asking.ask() {
            // Whatever comes of it: nobody is held up for long.
            let _ = timeout(PATIENCE, changes.changed()).await;
        }
        let missing = if self.is_there() {
            Choice::Unknown
        } else {
            Choice::Away
        };
        self.find(header).unwrap_or(missing)
    }

    fn find(&self, header: &Header) -> Option<Choice> {
        let known = self.known.borrow();
        let mut meant = known.keys.iter().filter(|kept| match &header.kid {
            Some(name) => kept.key.name.as_ref() == Some(name),
            // Without a name, the algorithm has to leave no doubt.
            None => kept.key.algorithm == header.alg,
        });
        match (meant.next(), meant.next()) {
            (Some(kept), None) => Some(kept.chosen()),
            // Two keys of one name: the document decides by the algorithm of each.
            (Some(_), Some(_)) if header.kid.is_some() => {
                let fits =
                    |kept: &&Kept| kept.key.name == header.kid && kept.key.algorithm == header.alg;
                known.keys.iter().find(fits).map(Kept::chosen)
            }
            _ => None,
        }
    }
}

impl Kept {
    fn chosen(&self) -> Choice {
        Choice::Key(Arc::clone(&self.key))
    }
}

impl Asking {
    /// Returns whether a look is under way, or begins now. Who asks too often is not heard.
    fn ask(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_under_way {
            return true;
        }
        let may_ask = state.asked_at.is_none_or(|at| at.elapsed() >= ASKED_EVERY);
        if may_ask {
            state.asked_at = Some(Instant::now());
            self.wanted.notify_one();
        }
        may_ask
    }
}

impl Renewed {
    /// Returns when somebody asks for a look, and may have one.
    pub async fn wanted(&self) {
        self.asking.wanted.notified().await;
    }

    /// A look begins.
    pub fn begin(&self) {
        self.look().is_under_way = true;
    }

    /// The look is over; without keys, those that were known go on.
    pub fn end(&self, keys: Option<Vec<Key>>) {
        self.look().is_under_way = false;
        self.known.send_modify(|known| {
            if let Some(keys) = keys {
                *known = known.followed_by(keys, Instant::now());
            }
        });
    }

    fn look(&self) -> MutexGuard<'_, Looking> {
        let state = &self.asking.state;
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The new keys, and for a while those that they replace.
    fn followed_by(&self, keys: Vec<Key>, now: Instant) -> Self {
        let is_replaced = |old: &Kept| {
            let same = |key: &Key| key.name == old.key.name;
            old.key.name.is_none() || keys.iter().any(same)
        };
        let old = self.keys.iter().filter(|old| !is_replaced(old));
        let old = old.filter(|old| now.duration_since(old.seen_at) < KEPT);
        let old: Vec<Kept> = old.cloned().collect();
        let new = keys.into_iter().map(|key| Kept {
            key: Arc::new(key),
            seen_at: now,
        });
        Self {
            keys: new.chain(old).collect(),
            is_there: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Key {
        let pem = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/keys/ed.pub.pem"
        ));
        let key = Key::from_pem(pem, None).unwrap();
        Key {
            name: Some(name.to_owned()),
            ..key
        }
    }

    #[test]
    fn a_key_that_is_listed_no_more_holds_for_ten_minutes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let names = |known: &Known| -> Vec<_> {
            let keys = known.keys.iter();
            keys.filter_map(|kept| kept.key.name.clone()).collect()
        };

        let known = Known::default().followed_by(vec![named("old")], at(0));
        let later = known.followed_by(vec![named("new")], at(599));
        assert_eq!(names(&later), ["new", "old"]);
        let last = later.followed_by(vec![named("new")], at(600));
        assert_eq!(names(&last), ["new"]);
        // It counts when it was last seen, not when it was first missed.
        let back = later.followed_by(vec![named("old")], at(1_000));
        let gone = back.followed_by(vec![named("new")], at(1_599));
        assert_eq!(names(&gone), ["new", "old"]);
    }
}
