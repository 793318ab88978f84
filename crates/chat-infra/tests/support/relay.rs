//! Stands between a program and a PostgreSQL server: counts how often the server was waited for, and loses
//! an answer when it is told to.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

/// A relay, as long as the runtime of its test.
pub struct Relay {
    port: u16,
    traffic: Arc<Traffic>,
}

#[derive(Default)]
struct Traffic {
    round_trips: AtomicU64,
    loses_next_answer: AtomicBool,
}

impl Relay {
    pub async fn start(to_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let traffic = Arc::<Traffic>::default();
        tokio::spawn(relay_all(listener, to_port, Arc::clone(&traffic)));
        Self { port, traffic }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How often the server has said that it is ready for the next question.
    pub fn round_trips(&self) -> u64 {
        self.traffic.round_trips.load(Ordering::Relaxed)
    }

    /// The server will have done what it is asked next, and the connection breaks before it says so.
    pub fn lose_next_answer(&self) {
        self.traffic
            .loses_next_answer
            .store(true, Ordering::Relaxed);
    }
}

async fn relay_all(listener: TcpListener, to_port: u16, traffic: Arc<Traffic>) {
    while let Ok((program, _)) = listener.accept().await {
        let server = TcpStream::connect(("127.0.0.1", to_port)).await;
        let server = server.expect("the server is there");
        let (mut from_program, to_program) = program.into_split();
        let (from_server, mut to_server) = server.into_split();
        tokio::spawn(async move { copy(&mut from_program, &mut to_server).await });
        let traffic = Arc::clone(&traffic);
        tokio::spawn(async move { relay_answers(from_server, to_program, &traffic).await });
    }
}

/// A message is a letter, the length of the rest as four bytes, and the rest.
async fn relay_answers(
    mut server: impl AsyncReadExt + Unpin,
    mut program: impl AsyncWriteExt + Unpin,
    traffic: &Traffic,
) -> std::io::Result<()> {
    // The program asks for encryption first; the server says no with a letter alone.
    let refusal = server.read_u8().await?;
    assert_eq!(refusal, b'N', "no encryption");
    program.write_all(&[refusal]).await?;
    loop {
        let letter = server.read_u8().await?;
        let length = server.read_u32().await?;
        let mut rest = vec![0; length as usize - 4];
        server.read_exact(&mut rest).await?;
        // Ready for the next question: what was asked before is committed.
        if letter == b'Z' {
            traffic.round_trips.fetch_add(1, Ordering::Relaxed);
            if traffic.loses_next_answer.swap(false, Ordering::Relaxed) {
                return Ok(());
            }
        }
        program.write_u8(letter).await?;
        program.write_u32(length).await?;
        program.write_all(&rest).await?;
    }
}
