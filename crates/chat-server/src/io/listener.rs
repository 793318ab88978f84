//! Accepting connections: each can be cut from elsewhere, and none is held up by a peer that does not read.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::debug;

use super::outlet::Backlog;

/// After an error in accepting (out of file descriptors), wait this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections as [`Carrier`]s.
pub struct Listener {
    tcp: TcpListener,
    stall: Option<Duration>,
}

/// One TCP connection, as the rest of the server knows it.
#[derive(Debug, Clone)]
pub struct Carrier {
    peer: SocketAddr,
    cable: Arc<Cable>,
}

/// What reaches a connection from elsewhere. It lives as long as the connection.
#[derive(Debug, Default)]
pub struct Cable {
    cut: CancellationToken,
    carried: OnceLock<Arc<Backlog>>,
}

impl Cable {
    /// Ends the connection.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// From now on a flush of this connection empties what waits for that session.
    pub fn carries(&self, backlog: &Arc<Backlog>) {
        self.carried.get_or_init(|| Arc::clone(backlog));
    }
}

impl Carrier {
    /// The address at the other end; a proxy's, if there is one.
    pub fn peer(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }

    /// What reaches this connection from elsewhere.
    pub fn cable(&self) -> &Arc<Cable> {
        &self.cable
    }
}

impl Listener {
    /// Accepts from `tcp`. A peer that takes nothing for `stall` is cut off.
    pub fn new(tcp: TcpListener, stall: Option<Duration>) -> Self {
        Self { tcp, stall }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Guarded;
    type Addr = Carrier;

    async fn accept(&mut self) -> (Guarded, Carrier) {
        loop {
            match self.tcp.accept().await {
                Ok((stream, peer)) => {
                    // Each message is a write of its own; waiting for more would only delay it.
                    if let Err(error) = stream.set_nodelay(true) {
                        debug!(%error, "could not switch off Nagle's algorithm");
                    }
                    let cable = Arc::<Cable>::default();
                    let guarded = Guarded::new(stream, Arc::clone(&cable), self.stall);
                    return (guarded, Carrier { peer, cable });
                }
                Err(error) => {
                    debug!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Carrier> {
        Ok(Carrier {
            peer: self.tcp.local_addr()?,
            cable: Arc::default(),
        })
    }
}

impl Connected<IncomingStream<'_, Listener>> for Carrier {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A stream that ends when it is cut, or when a write makes no progress for too long.
pub struct Guarded {
    stream: TcpStream,
    cable: Arc<Cable>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    stall: Option<Duration>,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    fn new(stream: TcpStream, cable: Arc<Cable>, stall: Option<Duration>) -> Self {
        Self {
            stream,
            cut: Box::pin(cable.cut.clone().cancelled_owned()),
            cable,
            stall,
            stalled: None,
        }
    }

    fn is_cut(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn write_with(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.is_cut(context)?;
        if let Poll::Ready(result) = write(Pin::new(&mut self.stream), context) {
            self.stalled = None;
            return Poll::Ready(result);
        }
        let Some(stall) = self.stall else {
            return Poll::Pending;
        };
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + stall)));
        ready!(stalled.as_mut().poll(context));
        // The engine would go on reading after a write that failed.
        self.cable.cut();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_cut(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_with(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_with(context, |stream, context| {
            stream.poll_write_vectored(context, slices)
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        // The engine flushes when it has taken everything out of the session's queue.
        if let (Poll::Ready(Ok(())), Some(backlog)) = (&flushed, self.cable.carried.get()) {
            backlog.emptied();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
