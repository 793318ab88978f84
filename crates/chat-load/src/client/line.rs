//! One WebSocket connection.

use std::{
    future::poll_fn,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpSocket, TcpStream},
};

use super::frame::{Incoming, Outgoing};
use crate::plan::Manner;

/// So little that a room of usual messages fills it within a second.
const SMALL_BUFFER: u32 = 8 * 1_024;

/// Where a client connects.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The server.
    pub address: SocketAddr,
    /// Its name, for the header `Host`.
    pub host: String,
    /// The address to connect from.
    pub from: Option<IpAddr>,
}

/// Where a client may connect: it stays with one as long as that lets it in, as behind a load balancer.
#[derive(Debug)]
pub struct Endpoints {
    all: Arc<[Endpoint]>,
    at: usize,
    rng: fastrand::Rng,
}

impl Endpoints {
    /// The one of that number first, around and around.
    pub fn starting_at(all: Arc<[Endpoint]>, number: usize) -> Self {
        Self {
            at: number % all.len(),
            all,
            rng: fastrand::Rng::with_seed(number as u64),
        }
    }

    /// Where to connect now.
    pub fn current(&self) -> &Endpoint {
        &self.all[self.at]
    }

    /// That one was of no use: another one, if there is another one.
    pub fn turn_away(&mut self) {
        if self.all.len() > 1 {
            self.at = (self.at + self.rng.usize(1..self.all.len())) % self.all.len();
        }
    }
}

/// An open transport.
pub struct Line {
    stream: TcpStream,
    /// What has come.
    pub incoming: Incoming,
    /// What is to be written.
    pub outgoing: Outgoing,
}

impl Line {
    /// Connects, and does the handshake.
    ///
    /// # Errors
    /// The server cannot be reached, or is none.
    pub async fn open(endpoint: &Endpoint, small_buffer: bool) -> io::Result<Self> {
        let socket = match endpoint.address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        if small_buffer {
            socket.set_recv_buffer_size(SMALL_BUFFER)?;
        }
        if let Some(from) = endpoint.from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(endpoint.address).await?;
        stream.set_nodelay(true)?;
        let mut line = Self {
            stream,
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
        };
        line.outgoing.raw(greeting(&endpoint.host).as_bytes());
        loop {
            if let Some(end) = head_end(line.incoming.rest()) {
                let head = String::from_utf8_lossy(&line.incoming.rest()[..end]).into_owned();
                if !head.starts_with("HTTP/1.1 101") {
                    let status = head.lines().next().unwrap_or_default();
                    return Err(io::Error::other(format!("the server answers `{status}`")));
                }
                line.incoming.skip(end);
                return Ok(line);
            }
            line.exchange(true).await?;
        }
    }

    /// Writes what there is to write, and reads, if wanted, until something has come.
    ///
    /// # Errors
    /// The connection is broken, or has ended.
    pub async fn exchange(&mut self, reading: bool) -> io::Result<()> {
        poll_fn(|context| {
            let stream = Pin::new(&mut self.stream);
            if !self.outgoing.rest().is_empty()
                && let Poll::Ready(count) = stream.poll_write(context, self.outgoing.rest())
            {
                self.outgoing.wrote(count?);
                context.waker().wake_by_ref();
            }
            if !reading {
                return Poll::Pending;
            }
            // Not `try_read`: after less than it asked for, this one does not try again.
            let mut room = ReadBuf::new(self.incoming.room());
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut room))?;
            let count = room.filled().len();
            self.incoming.filled(count);
            Poll::Ready(match count {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            })
        })
        .await
    }

    /// Writes what can be written.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn write(&mut self) -> io::Result<()> {
        while !self.outgoing.rest().is_empty() {
            match self.stream.try_write(self.outgoing.rest()) {
                Ok(count) => self.outgoing.wrote(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends the connection.
    pub fn cut(mut self, manner: Manner) {
        // It is over in any case: what fails here, fails for somebody who is gone.
        match manner {
            Manner::Goodbye => {
                self.outgoing.text("41");
                self.outgoing.close();
                let _ = self.write();
            }
            Manner::HangUp => {}
            Manner::Vanish => {
                let _ = self.stream.set_zero_linger();
            }
        }
    }
}

fn greeting(host: &str) -> String {
    // The key may be any: nobody checks what the server makes of it.
    format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(at + 4)
}
