//! Time and chance, from the machine.

use std::time::{SystemTime, UNIX_EPOCH};

use chat_domain::{
    ports::{Clock, Dice},
    time::Timestamp,
};

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The machine's source of chance.
pub struct SystemDice;

impl Dice for SystemDice {
    fn roll(&self) -> u128 {
        uuid::Uuid::new_v4().as_u128() ^ uuid::Uuid::new_v4().as_u128().rotate_left(64)
    }
}
