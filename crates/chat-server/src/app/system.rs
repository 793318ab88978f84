//! Time and chance, from the machine.

use std::{
    sync::{Mutex, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use chat_domain::{
    ports::{Clock, Dice},
    time::Timestamp,
};

/// The machine's clock, except that it never goes back: timers and limits would stand still until it has caught up.
pub struct SystemClock {
    anchor: Mutex<(Instant, Timestamp)>,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            anchor: Mutex::new((Instant::now(), machine_time())),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let steady = anchor.1 + anchor.0.elapsed();
        let machine = machine_time();
        if machine > steady {
            *anchor = (Instant::now(), machine);
        }
        machine.max(steady)
    }
}

fn machine_time() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The machine's source of chance.
pub struct SystemDice;

impl Dice for SystemDice {
    fn roll(&self) -> u128 {
        uuid::Uuid::new_v4().as_u128() ^ uuid::Uuid::new_v4().as_u128().rotate_left(64)
    }
}
