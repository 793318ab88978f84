//! Senders that insist: each message is sent with its client id until it is acknowledged, whatever fails.
//! Afterwards the history is held against what was acknowledged.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chat_domain::{
    id::Seq,
    message::{ClientMessageId, Draft},
    ports::{Appended, MessageLog},
};
use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::{ada, draft, group_id};

/// As a client does that was told to come back later.
const COMES_BACK_AFTER: Duration = Duration::from_millis(20);
const GIVES_UP_AFTER: Duration = Duration::from_secs(30);

/// Senders at work, until they are told to stop.
pub struct Load {
    stop: watch::Sender<bool>,
    senders: JoinSet<Acknowledged>,
    acknowledged: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

/// Which message got which number.
type Acknowledged = HashMap<ClientMessageId, Seq>;

impl Load {
    /// `senders` at each of these nodes, in the group `ops`.
    pub fn start<D>(nodes: &[D], senders: u64) -> Self
    where
        D: MessageLog + Clone + 'static,
    {
        let mut load = Self {
            stop: watch::Sender::new(false),
            senders: JoinSet::new(),
            acknowledged: Arc::default(),
            failed: Arc::default(),
        };
        for (node, database) in nodes.iter().enumerate() {
            for number in 0..senders {
                let sender = Sender {
                    database: database.clone(),
                    name: format!("{node}-{number}"),
                    acknowledged: Arc::clone(&load.acknowledged),
                    failed: Arc::clone(&load.failed),
                };
                load.senders.spawn(sender.run(load.stop.subscribe()));
            }
        }
        load
    }

    /// Returns when so many more messages were acknowledged.
    pub async fn goes_on(&self, more: u64) {
        let goal = self.acknowledged.load(Ordering::Relaxed) + more;
        let start = Instant::now();
        while self.acknowledged.load(Ordering::Relaxed) < goal {
            assert!(start.elapsed() < GIVES_UP_AFTER, "nothing goes on");
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn failures(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Lets the senders finish, and reads what became of their messages.
    pub async fn stop_and_judge(self, log: &dyn MessageLog) {
        self.stop.send_replace(true);
        let mut acknowledged: Acknowledged = self
            .senders
            .join_all()
            .await
            .into_iter()
            .flatten()
            .collect();
        let mut last = Seq::ZERO;
        loop {
            let page = log.after(&group_id("ops"), last, 1_000).await;
            let page = page.expect("it can be read");
            for message in &page.messages {
                assert_eq!(message.seq, last.next(), "no number is skipped");
                last = message.seq;
                let client_id = message.client_id.as_ref().expect("all have one");
                let told = acknowledged.remove(client_id);
                assert_eq!(told, Some(message.seq), "{client_id:?} was stored once");
            }
            if !page.more {
                break;
            }
        }
        assert!(acknowledged.is_empty(), "lost: {acknowledged:?}");
        let head = log.head(&group_id("ops")).await.expect("it can be read");
        assert_eq!(head.map(|it| it.last_seq), Some(last));
    }
}

struct Sender<D> {
    database: D,
    name: String,
    acknowledged: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

impl<D: MessageLog> Sender<D> {
    async fn run(self, stop: watch::Receiver<bool>) -> Acknowledged {
        let mut told = HashMap::new();
        while !*stop.borrow() {
            let client_id = format!("{}-{}", self.name, told.len());
            let client_id = ClientMessageId::parse(&client_id).expect("it is one");
            let seq = self.insist(&client_id).await;
            told.insert(client_id, seq);
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        told
    }

    async fn insist(&self, client_id: &ClientMessageId) -> Seq {
        static CHANCE: AtomicU64 = AtomicU64::new(0);
        let start = Instant::now();
        loop {
            let chance = CHANCE.fetch_add(1, Ordering::Relaxed);
            let again = Draft {
                client_id: Some(client_id.clone()),
                ..draft(&ada(), "hello", chance.into())
            };
            match self.database.append(again).await {
                Ok(Appended::Stored(message) | Appended::Duplicate(message)) => return message.seq,
                Ok(refused) => panic!("refused: {refused:?}"),
                Err(error) => {
                    assert!(start.elapsed() < GIVES_UP_AFTER, "in vain: {error:?}");
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    sleep(COMES_BACK_AFTER).await;
                }
            }
        }
    }
}
