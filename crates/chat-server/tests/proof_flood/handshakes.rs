//! Handshakes of Engine.IO: transports that are opened and dropped, over WebSocket and polling, transports that one
//! signs in on with wrong tokens, and WebSockets of sessions that were made up.

use std::{io, sync::Arc};

use chat_testkit::{chat_server::ChatServer, proof::Claim};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    door::{Door, FLOODER},
    play::{Flood, Hand, PROGRAM, Tally, make_groups},
};

const FLOOD: Flood = Flood {
    claim: Claim::FloodOfHandshakes,
    limit: 100,
    hands: 16,
    blow: 1,
};

/// With these it is ten handshakes a second.
pub const TEN_A_SECOND: [(&str, &str); 3] = [
    ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "10"),
    ("CHAT_LIMITS__HANDSHAKE_BURST", "10"),
    ("CHAT_LIMITS__HANDSHAKES_PER_SECOND", "10"),
];

const WRONG_TOKENS: u64 = 5;

struct Opener {
    door: Door,
    opened: u64,
}

impl Opener {
    /// Whether it was taken.
    async fn open(&self) -> Result<(), ()> {
        match self.opened % 4 {
            0 => drop(self.door.open(FLOODER).await?),
            1 => {
                let mut client = self.door.open(FLOODER).await?;
                for _ in 0..WRONG_TOKENS {
                    client.try_to_sign_in("wrong").await;
                }
            }
            2 => self.ask("transport=polling", "").await?,
            _ => {
                let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
                self.ask("transport=websocket&sid=AAAAAAAAAAAAAAAA", upgrade)
                    .await?;
            }
        }
        Ok(())
    }

    async fn ask(&self, query: &str, headers: &str) -> Result<(), ()> {
        let asking = async {
            let mut stream = self.door.enter(FLOODER).await?;
            let request =
                format!("GET /socket.io/?EIO=4&{query} HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut status = [0; "HTTP/1.1 200".len()];
            stream.read_exact(&mut status).await?;
            io::Result::Ok(status)
        };
        let status = asking.await.map_err(|_| ())?;
        if status.ends_with(b"429") {
            Err(())
        } else {
            Ok(())
        }
    }
}

impl Hand for Opener {
    async fn strike(&mut self, tally: &Arc<Tally>) {
        self.opened += 1;
        let opened = self.open().await;
        tally.refused(opened.is_err().into());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_opens_a_hundred_times_too_many_transports_disturbs_nobody() {
    let server = ChatServer::start(PROGRAM, &TEN_A_SECOND).await;
    make_groups(&server).await;
    let door = Door::plain(server.address());

    let hand = |opened| Opener {
        door: door.clone(),
        opened,
    };
    FLOOD.play(&door, hand).await;
}
