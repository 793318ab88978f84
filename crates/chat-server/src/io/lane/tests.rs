//! Frames of the engine and direct ones, over a real connection that takes little at a time.

use std::{
    collections::{HashMap, VecDeque},
    io::{ErrorKind, IoSlice},
};

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config as Cases, TestRunner},
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Builder,
    task::yield_now,
};

use super::*;
use crate::io::{outlet::tests::sample, packet::Packet};

const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";

/// So little that frames are cut, and so much that the kernels need no timers to go on.
const SEND_BUFFER: u32 = 8 * 1_024;
const RECEIVE_BUFFER: u32 = 256 * 1_024;

#[derive(Debug, Clone)]
enum Step {
    /// Somebody tells something of so many bytes.
    Tell(usize),
    /// The engine says something of its own: a ping.
    Ping,
    /// The engine gets to write so many bytes.
    Engine(usize),
    /// Whoever has begun a direct frame goes on.
    Finish,
    /// The client reads so many bytes.
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![0..50_usize, 0..5_000_usize, 0..100_000_usize].prop_map(Step::Tell),
        1 => Just(Step::Ping),
        3 => prop_oneof![1..20_usize, Just(100_000)].prop_map(Step::Engine),
        2 => Just(Step::Finish),
        3 => prop_oneof![1..100_usize, Just(500_000)].prop_map(Step::Read),
    ]
}

struct Connection {
    lane: Lane,
    stream: Stream,
    client: TcpStream,
    outlet: Arc<Outlet>,
    /// What the engine has not written yet.
    queue: VecDeque<u8>,
    read: Vec<u8>,
    told: Vec<String>,
    outcomes: HashMap<&'static str, u32>,
}

impl Connection {
    async fn new() -> Self {
        let listening = TcpSocket::new_v4().unwrap();
        listening.set_send_buffer_size(SEND_BUFFER).unwrap();
        listening.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listening: TcpListener = listening.listen(1).unwrap();
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
        let client = client.connect(listening.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listening.accept());
        let (reads, writes) = accepted.unwrap().0.into_split();
        let lane = Lane::over(writes);
        let outlet = sample("ada", 0);
        lane.switch();
        lane.carries(Arc::clone(&outlet));
        let mut connection = Self {
            lane,
            stream: Stream::Plain(reads),
            client: client.unwrap(),
            outlet,
            queue: VecDeque::new(),
            read: Vec::new(),
            told: Vec::new(),
            outcomes: HashMap::new(),
        };
        connection.queue.extend(HEAD);
        connection.queue.extend(short("40{}"));
        connection
    }

    async fn step(&mut self, step: &Step) {
        // The runtime looks at the network in between.
        yield_now().await;
        match step {
            Step::Tell(bytes) => self.tell(*bytes),
            Step::Ping => self.queue.extend(short("2")),
            Step::Engine(bytes) => self.engine(*bytes),
            Step::Finish => {
                let mut context = Context::from_waker(Waker::noop());
                let _ = self.lane.poll_finish_if_begun(&mut context);
            }
            Step::Read(bytes) => self.read(*bytes),
        }
    }

    fn tell(&mut self, bytes: usize) {
        let what = format!("{} {}", self.told.len(), "x".repeat(bytes));
        let packet = Packet::event("said", &what).unwrap();
        self.told.push(format!("42[\"said\",\"{what}\"]"));
        let outcome = match self.lane.write(packet.frame(), &self.outlet) {
            Direct::Written => "written",
            Direct::Begun => "begun",
            Direct::NotNow => {
                self.outlet.backlog.enter(packet.len());
                self.queue.extend(packet.frame());
                "not now"
            }
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    fn engine(&mut self, bytes: usize) {
        let all = self.queue.make_contiguous();
        let some = IoSlice::new(&all[..bytes.min(all.len())]);
        let mut context = Context::from_waker(Waker::noop());
        let written = self
            .lane
            .poll_write(&mut self.stream, &mut context, &[some]);
        if let Poll::Ready(written) = written {
            self.queue.drain(..written.unwrap().0);
        }
    }

    fn read(&mut self, bytes: usize) {
        let mut buffer = vec![0; bytes];
        match self.client.try_read(&mut buffer) {
            Ok(read) => self.read.extend(&buffer[..read]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }

    /// Until everything has come.
    async fn drain(&mut self) {
        let begun = |it: &Self| !it.lane.lock().rest.is_empty();
        while !self.queue.is_empty() || begun(self) {
            for step in [Step::Finish, Step::Engine(100_000), Step::Read(100_000)] {
                self.step(&step).await;
            }
        }
        self.lane.end();
        loop {
            self.client.readable().await.unwrap();
            let before = self.read.len();
            let mut buffer = [0; 10_000];
            match self.client.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => self.read.extend(&buffer[..read]),
                Err(_) => assert_eq!(self.read.len(), before),
            }
        }
    }
}

impl Lane {
    fn poll_finish_if_begun(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.lock().rest.is_empty() {
            return Poll::Ready(());
        }
        self.poll_finish(context)
    }
}

fn short(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, u8::try_from(text.len()).unwrap()];
    frame.extend(text.as_bytes());
    frame
}

/// The texts in what a client has read; its last byte has to be that of a frame.
fn texts(read: &[u8]) -> Vec<String> {
    let stream = io::Cursor::new(read.to_vec());
    let role = tokio_tungstenite::tungstenite::protocol::Role::Client;
    let mut socket = tokio_tungstenite::tungstenite::WebSocket::from_raw_socket(stream, role, None);
    let mut texts = Vec::new();
    while let Ok(message) = socket.read() {
        texts.push(message.into_text().unwrap().to_string());
    }
    let headers: usize = texts
        .iter()
        .map(|text| match text.len() {
            0..=125 => 2,
            126..=65_535 => 4,
            _ => 10,
        })
        .sum();
    let told: usize = texts.iter().map(String::len).sum();
    assert_eq!(headers + told, read.len(), "nothing is cut off");
    texts
}

#[test]
fn whatever_the_network_takes_frames_come_whole_and_in_the_order_in_which_they_were_told() {
    let mut runner = TestRunner::new(Cases {
        failure_persistence: None,
        ..Cases::with_cases(100)
    });
    let outcomes = std::cell::RefCell::new(HashMap::new());
    let ran = runner.run(&vec(step(), 1..120), |steps| {
        // It looks at the network whenever a task pauses.
        let runtime = Builder::new_current_thread()
            .enable_io()
            .event_interval(1)
            .build()
            .unwrap();
        let connection = runtime.block_on(async {
            let mut connection = Connection::new().await;
            connection.engine(100);
            for step in &steps {
                connection.step(step).await;
            }
            connection.drain().await;
            connection
        });

        let read = connection
            .read
            .strip_prefix(HEAD)
            .expect("the head comes first");
        let mut texts = texts(read);
        prop_assert_eq!(texts.remove(0), "40{}");
        texts.retain(|text| text != "2");
        prop_assert_eq!(texts, connection.told);
        prop_assert!(connection.outlet.backlog.is_clear());
        for (outcome, count) in connection.outcomes {
            *outcomes.borrow_mut().entry(outcome).or_insert(0) += count;
        }
        Ok(())
    });
    ran.unwrap();
    let outcomes = outcomes.into_inner();
    assert_eq!(outcomes.len(), 3, "each way was taken: {outcomes:?}");
    println!("{outcomes:?}");
}

#[tokio::test]
async fn over_tls_and_after_the_end_nothing_goes_directly() {
    let outlet = sample("ada", 0);
    let tls = Lane::default();
    tls.carries(Arc::clone(&outlet));
    let ended = Connection::new().await;
    ended.lane.end();

    for lane in [&tls, &ended.lane] {
        assert_eq!(lane.write(b"frame", &outlet), Direct::NotNow);
    }
}

#[tokio::test]
async fn the_session_before_on_the_same_connection_gets_nothing_of_the_next_one() {
    let mut connection = Connection::new().await;
    connection.engine(1_000);
    let (before, after) = (Arc::clone(&connection.outlet), sample("ada", 0));
    assert_eq!(
        connection.lane.write(&short("42[1]"), &before),
        Direct::Written
    );

    connection.lane.carries(Arc::clone(&after));

    assert_eq!(
        connection.lane.write(&short("42[2]"), &before),
        Direct::NotNow
    );
    // What is still sent of the session before does not open the lane for the next one.
    after.backlog.enter(5);
    connection.queue.extend(short("42[3]"));
    connection.engine(1_000);
    assert!(!after.backlog.is_clear());
    connection
        .queue
        .extend([short("40{}"), short("42[4]")].concat());
    connection.engine(1_000);
    assert!(after.backlog.is_clear());
}
