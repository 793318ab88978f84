//! One life of the subscriptions: made on a new connection, kept up to date, and tried from time to time by
//! listening for an echo.

use std::{sync::Arc, time::Duration};

use fred::{
    clients::Client,
    error::Error,
    interfaces::{EventInterface, PubsubInterface},
    types::Value,
};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    connection::Trouble,
    link::{Link, Purpose},
    subscriber::Shared,
    task::Task,
    wishes::Difference,
};

/// Messages that wait until they are heard. More than that, and somebody has to compare.
const MESSAGES_WAITING: usize = 16_384;

/// How many channels one command names.
const CHANNELS_AT_ONCE: usize = 256;

/// Subscriptions that died silently are noticed within both together: then whoever is cut off by that repairs what it
/// missed before anybody may wait for it (contract, Degraded).
const ECHO_EVERY: Duration = Duration::from_millis(500);
const ECHO_WITHIN: Duration = Duration::from_millis(1_500);

/// Why subscriptions are made anew.
#[derive(Debug, thiserror::Error)]
pub(super) enum Doubt {
    /// They lived, and do no longer.
    #[error("the subscriptions are dead")]
    Dead,
    /// They were made, and nothing is heard.
    #[error("what is published is not heard")]
    Mute,
    /// They could not be made.
    #[error(transparent)]
    Refused(#[from] Error),
}

/// Returns when they do not live any more, or never did.
pub(super) async fn live(shared: &Arc<Shared>) -> Doubt {
    let opening = Link::open(
        shared.connection.address(),
        Purpose::Messages(MESSAGES_WAITING),
    );
    let mut link = match opening.await {
        Ok(link) => link,
        Err(error) => return error.into(),
    };
    let client = link.client().clone();
    let hearing = Arc::clone(shared).hear_all(client.message_rx());
    let subscriptions = Subscriptions {
        shared,
        client,
        _hearing: Task::spawn(hearing),
    };
    let begun = tokio::select! {
        begun = subscriptions.begin() => begun,
        () = link.lost() => return Doubt::Mute,
    };
    if let Err(doubt) = begun {
        return doubt;
    }
    tokio::select! {
        () = subscriptions.look_after() => Doubt::Dead,
        () = link.lost() => Doubt::Dead,
    }
}

struct Subscriptions<'a> {
    shared: &'a Shared,
    client: Client,
    _hearing: Task,
}

/// What came of listening for an echo.
enum Echo {
    Heard,
    /// Nothing could be published: that says nothing about the subscriptions.
    Unasked,
    Silence,
}

impl Subscriptions<'_> {
    /// Tells the server everything, and makes sure that it heard.
    async fn begin(&self) -> Result<(), Doubt> {
        let echo = vec![self.shared.echo_channel.clone()];
        self.client.subscribe(echo).await?;
        let all = self.shared.wishes_mut().all();
        self.tell(all).await?;
        match self.listen().await? {
            Echo::Heard => self.shared.tell_alive(true),
            Echo::Unasked => self.shared.tell_lost(),
            Echo::Silence => return Err(Doubt::Mute),
        }
        Ok(())
    }

    /// Returns when they are dead.
    async fn look_after(&self) {
        let mut next_echo = Instant::now() + ECHO_EVERY;
        loop {
            tokio::select! {
                () = self.shared.changed.notified() => {
                    let difference = self.shared.wishes_mut().difference();
                    if self.tell(difference).await.is_err() {
                        return;
                    }
                    continue;
                }
                () = self.shared.doubted.notified() => {}
                () = sleep_until(next_echo) => {}
            }
            match self.listen().await {
                Ok(Echo::Heard) => self.shared.tell_alive(false),
                Ok(Echo::Unasked) => {}
                Ok(Echo::Silence) | Err(_) => return,
            }
            next_echo = Instant::now() + ECHO_EVERY;
        }
    }

    /// Returns when the server knows it.
    async fn tell(&self, difference: Difference) -> Result<(), Error> {
        // In this order: whoever follows one instead of another hears something all the time.
        for channels in difference.wanted.chunks(CHANNELS_AT_ONCE) {
            self.client.subscribe(channels.to_vec()).await?;
        }
        for channels in difference.unwanted.chunks(CHANNELS_AT_ONCE) {
            self.client.unsubscribe(channels.to_vec()).await?;
        }
        // The library does not wait for what the server says to these, but this goes the same way after them.
        let nothing = Vec::<String>::new();
        self.client.pubsub_numsub::<Value, _>(nothing).await?;
        let through = Some(difference.through);
        self.shared.settled.send_replace(through);
        Ok(())
    }

    /// Publishes something, and waits until it is heard.
    async fn listen(&self) -> Result<Echo, Error> {
        let mut heard = self.shared.echo.subscribe();
        let number = self.shared.next_echo();
        let channel = self.shared.echo_channel.clone();
        let publishing = self.shared.connection.ask(|redis| async move {
            redis.publish::<(), _, _>(channel, number.to_string()).await
        });
        match publishing.await {
            Ok(()) => {}
            Err(Trouble::Away(_) | Trouble::Late) => return Ok(Echo::Unasked),
            Err(Trouble::Failed(error)) => return Err(error),
        }
        let echo = heard.wait_for(|last| *last == number);
        let waited = timeout(ECHO_WITHIN, echo).await;
        Ok(waited.map_or(Echo::Silence, |_| Echo::Heard))
    }
}
