//! Nodes ask each other, over what Redis passes on.
//!
//! A question goes to everybody, an answer to who asked. What both say is no matter here: they are bytes. Who has a
//! lease is waited for, for a second at most; whoever has not answered by then is named.

use std::{
    collections::{BTreeSet, HashMap},
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chat_domain::id::NodeId;
use fred::types::Value;
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, timeout_at},
};

use super::{
    connection::{Connection, Trouble},
    keys,
    script::{command, odd},
    subscriber::{Ear, Subscriber},
};

/// Nobody is waited for any longer.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// Neither a question nor an answer is longer.
pub const MOST_BYTES: usize = 1024 * 1024;

/// So many answer at most.
const MOST_NODES: usize = 1_000;

/// A node answers so many questions at once; what is asked beyond that it does not hear.
const AT_ONCE: usize = 16;

/// Answers what other nodes ask.
#[async_trait]
pub trait Responder: Send + Sync {
    /// What this node says; `None` if it does not understand.
    async fn respond(&self, question: &[u8]) -> Option<Vec<u8>>;
}

/// What the other nodes said.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// Who answered, and what.
    pub answers: Vec<(NodeId, Vec<u8>)>,
    /// Who is there, and did not answer.
    pub silent: Vec<NodeId>,
}

/// One node's way to ask the others. It ends with this.
pub struct RedisPeers {
    node: NodeId,
    connection: Connection,
    numbers: AtomicU64,
    /// Who was there when somebody asked last.
    known: Mutex<BTreeSet<NodeId>>,
    ear: Arc<PeersEar>,
}

/// Each by the number of its question.
type Askers = HashMap<u64, mpsc::Sender<(NodeId, Vec<u8>)>>;

struct PeersEar {
    node: NodeId,
    connection: Connection,
    responder: OnceLock<Weak<dyn Responder>>,
    /// Who waits for answers to which question.
    asking: Mutex<Askers>,
    free: Arc<Semaphore>,
}

/// A question that waits for answers, until this is dropped.
struct Asking<'a> {
    ear: &'a PeersEar,
    number: u64,
    answers: mpsc::Receiver<(NodeId, Vec<u8>)>,
}

/// `node:number:payload`: who asked or answers, and which question it is.
struct Letter<'a> {
    node: NodeId,
    number: u64,
    payload: &'a [u8],
}

impl RedisPeers {
    /// Lets that node ask and be asked, on the Redis that has the leases.
    pub async fn start(node: NodeId, subscriber: &Subscriber) -> Self {
        let connection = subscriber.connection().clone();
        let ear = Arc::new(PeersEar {
            node,
            connection: connection.clone(),
            responder: OnceLock::new(),
            asking: Mutex::default(),
            free: Arc::new(Semaphore::new(AT_ONCE)),
        });
        let heard: Arc<dyn Ear> = Arc::clone(&ear) as _;
        for channel in [keys::ASK.to_owned(), keys::answers_to(node)] {
            subscriber.follow(channel, Arc::downgrade(&heard)).await;
        }
        Self {
            node,
            connection,
            numbers: AtomicU64::default(),
            known: Mutex::default(),
            ear,
        }
    }

    /// From now on that one answers for this node.
    pub fn attach(&self, responder: Weak<dyn Responder>) {
        // Called once.
        let _ = self.ear.responder.set(responder);
    }

    /// Asks every other node. It takes [`ANSWERS_WITHIN`] at most.
    pub async fn ask(&self, question: &[u8]) -> Replies {
        let until = Instant::now() + ANSWERS_WITHIN;
        let mut replies = Replies::default();
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        // Before anybody can answer.
        let mut asking = self.ear.begin(number);
        let publishing = timeout_at(until, self.publish(number, question));
        let Ok(Ok(mut silent)) = publishing.await else {
            // Those of before are the best guess.
            replies.silent = self.known().iter().copied().collect();
            return replies;
        };
        while !silent.is_empty()
            && let Ok(Some((node, answer))) = timeout_at(until, asking.answers.recv()).await
        {
            silent.remove(&node);
            replies.answers.push((node, answer));
        }
        replies.silent = silent.into_iter().collect();
        replies
    }

    /// Returns who has to answer.
    async fn publish(&self, number: u64, question: &[u8]) -> Result<BTreeSet<NodeId>, Trouble> {
        let expected = self.others().await?;
        if expected.is_empty() || question.len() > MOST_BYTES {
            return Ok(expected);
        }
        let letter = Letter {
            node: self.node,
            number,
            payload: question,
        };
        send(&self.connection, keys::ASK.to_owned(), &letter).await?;
        Ok(expected)
    }

    /// Every other node that has a lease now.
    async fn others(&self) -> Result<BTreeSet<NodeId>, Trouble> {
        let now = command(&self.connection, "TIME", Vec::new());
        let now_ms = number::<u64>(&now.await?.text()?)?.saturating_mul(1_000);
        let most = MOST_NODES.to_string();
        let range = [keys::NODES, "0", &most, "REV", "WITHSCORES"];
        let range = range.into_iter().map(Value::from).collect();
        let mut rows = command(&self.connection, "ZRANGE", range).await?;
        let mut others = BTreeSet::new();
        while !rows.is_over() {
            let (node, until_ms) = (rows.text()?, number::<f64>(&rows.text()?)?);
            // What somebody else put there is nobody to wait for.
            if let Some(node) = NodeId::parse(&node)
                && until_ms >= precise(now_ms)
                && node != self.node
            {
                others.insert(node);
            }
        }
        self.known().clone_from(&others);
        Ok(others)
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<NodeId>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PeersEar {
    fn begin(&self, number: u64) -> Asking<'_> {
        let (tell, answers) = mpsc::channel(MOST_NODES);
        self.asking().insert(number, tell);
        Asking {
            ear: self,
            number,
            answers,
        }
    }

    fn asking(&self) -> MutexGuard<'_, Askers> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, letter: &Letter<'_>) {
        // Whoever asked may have gone, and who answers too often is not heard.
        if let Some(tell) = self.asking().get(&letter.number) {
            let _ = tell.try_send((letter.node, letter.payload.to_vec()));
        }
    }

    fn asked(&self, letter: &Letter<'_>) {
        if letter.node == self.node {
            return;
        }
        let responder = self.responder.get().and_then(Weak::upgrade);
        let (Some(responder), Ok(turn)) = (responder, Arc::clone(&self.free).try_acquire_owned())
        else {
            return;
        };
        let (node, connection) = (self.node, self.connection.clone());
        let (asker, number) = (letter.node, letter.number);
        let question = letter.payload.to_vec();
        tokio::spawn(async move {
            let answer = responder.respond(&question).await;
            if let Some(payload) = answer.filter(|answer| answer.len() <= MOST_BYTES) {
                let payload = &payload;
                let letter = Letter {
                    node,
                    number,
                    payload,
                };
                // If it is lost, this node was silent.
                let _ = send(&connection, keys::answers_to(asker), &letter).await;
            }
            drop(turn);
        });
    }
}

impl Ear for PeersEar {
    fn hear(&self, channel: &str, payload: &[u8]) {
        match Letter::read(payload) {
            Some(letter) if channel == keys::ASK => self.asked(&letter),
            Some(letter) => self.answered(&letter),
            None => {}
        }
    }

    // Whoever waits for an answer waits a second: what was not heard is silence.
    fn missed(&self) {}

    fn lost(&self) {}

    fn restored(&self) {}
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.ear.asking().remove(&self.number);
    }
}

impl<'a> Letter<'a> {
    fn write(&self) -> Vec<u8> {
        let head = format!("{}:{}:", self.node, self.number);
        [head.as_bytes(), self.payload].concat()
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut parts = bytes.splitn(3, |byte| *byte == b':');
        let node = NodeId::parse(std::str::from_utf8(parts.next()?).ok()?)?;
        let number = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let payload = parts.next().filter(|payload| payload.len() <= MOST_BYTES)?;
        Some(Self {
            node,
            number,
            payload,
        })
    }
}

async fn send(
    connection: &Connection,
    channel: String,
    letter: &Letter<'_>,
) -> Result<(), Trouble> {
    let letter = Value::Bytes(letter.write().into());
    command(connection, "PUBLISH", vec![channel.into(), letter]).await?;
    Ok(())
}

fn number<T: FromStr>(text: &str) -> Result<T, Trouble> {
    text.parse().map_err(|_| odd())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 are below 2^53"
)]
const fn precise(millis: u64) -> f64 {
    millis as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read_as_it_was_written_whatever_it_says() {
        let (node, number) = (NodeId::new(7), 42);
        for payload in [&b""[..], b"a:b", &[0, 255, b':']] {
            let letter = Letter {
                node,
                number,
                payload,
            };

            let written = letter.write();

            let read = Letter::read(&written).unwrap();
            assert_eq!(
                (read.node, read.number, read.payload),
                (node, number, payload)
            );
        }
    }

    #[test]
    fn what_is_no_letter_or_too_long_is_none() {
        let head = format!("{}:1:", NodeId::new(7));
        let long = [head.as_bytes(), &vec![0; MOST_BYTES + 1]].concat();
        for wrong in [&b""[..], b"x:1:y", b"::", &head.as_bytes()[..34], &long] {
            assert!(Letter::read(wrong).is_none());
        }
    }
}
