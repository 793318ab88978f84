//! Accepting connections: each can be ended from elsewhere, and none is held up by a peer that does not read.
//!
//! A connection is *cut* at once, or *hung up*: then nothing is read from it any more, what waits is still written, and
//! the peer has time to read it.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, timeout},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::debug;

use super::{line::FAREWELL, outlet::Outlet};
use crate::app::closing::Closing;

/// After an error in accepting (out of file descriptors), wait this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections as [`Carrier`]s.
pub struct Listener {
    tcp: TcpListener,
    stall: Option<Duration>,
    places: Arc<Semaphore>,
}

/// One TCP connection, as the rest of the server knows it.
#[derive(Debug, Clone)]
pub struct Carrier {
    peer: SocketAddr,
    cable: Arc<Cable>,
}

/// What reaches a connection from elsewhere. It lives as long as the connection.
#[derive(Default)]
pub struct Cable {
    cut: CancellationToken,
    hung_up: CancellationToken,
    carried: Mutex<Option<Arc<Outlet>>>,
}

impl Cable {
    /// Ends the connection.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Ends the connection when what waits has been written. Until then nobody is heard.
    pub fn hang_up(&self) {
        self.hung_up.cancel();
    }

    /// From now on what this connection writes is what waited there.
    pub fn carries(&self, outlet: Arc<Outlet>) {
        *self.carried() = Some(outlet);
    }

    fn carried(&self) -> MutexGuard<'_, Option<Arc<Outlet>>> {
        self.carried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cable").finish_non_exhaustive()
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
    /// Accepts from `tcp`. A peer that takes nothing for `stall` is cut off, and so is who comes when there are `most`.
    pub fn new(tcp: TcpListener, stall: Option<Duration>, most: Option<usize>) -> Self {
        let most = most.map_or(Semaphore::MAX_PERMITS, |most| {
            most.min(Semaphore::MAX_PERMITS)
        });
        Self {
            tcp,
            stall,
            places: Arc::new(Semaphore::new(most)),
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Guarded;
    type Addr = Carrier;

    async fn accept(&mut self) -> (Guarded, Carrier) {
        loop {
            match self.tcp.accept().await {
                Ok((stream, peer)) => {
                    let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                        debug!("there are as many connections as there may be");
                        continue;
                    };
                    // Each message is a write of its own; waiting for more would only delay it.
                    if let Err(error) = stream.set_nodelay(true) {
                        debug!(%error, "could not switch off Nagle's algorithm");
                    }
                    let cable = Arc::<Cable>::default();
                    let guarded = Guarded::new(stream, place, Arc::clone(&cable), self.stall);
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
    /// There until this is dropped.
    stream: Option<TcpStream>,
    cable: Arc<Cable>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    hung_up: Pin<Box<WaitForCancellationFutureOwned>>,
    stall: Option<Duration>,
    stalled: Option<Pin<Box<Sleep>>>,
    /// The peer took nothing for too long once, and was told to go.
    is_last_chance: bool,
    _place: OwnedSemaphorePermit,
}

impl Guarded {
    fn new(
        stream: TcpStream,
        place: OwnedSemaphorePermit,
        cable: Arc<Cable>,
        stall: Option<Duration>,
    ) -> Self {
        Self {
            stream: Some(stream),
            cut: Box::pin(cable.cut.clone().cancelled_owned()),
            hung_up: Box::pin(cable.hung_up.clone().cancelled_owned()),
            cable,
            stall,
            stalled: None,
            is_last_chance: false,
            _place: place,
        }
    }

    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().expect(THERE))
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
        if let Poll::Ready(result) = write(self.stream(), context) {
            self.stalled = None;
            if let (Ok(bytes), Some(outlet)) = (&result, &*self.cable.carried()) {
                outlet.backlog.written(*bytes);
            }
            return Poll::Ready(result);
        }
        let Some(stall) = self.stall else {
            return Poll::Pending;
        };
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + stall)));
        ready!(stalled.as_mut().poll(context));
        if !self.is_last_chance && self.tell_to_go() {
            self.is_last_chance = true;
            let last = self.stalled.insert(Box::pin(tokio::time::sleep(FAREWELL)));
            ready!(last.as_mut().poll(context));
        }
        // The engine would go on reading after a write that failed.
        self.cable.cut();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ends the session in its rooms, and leaves the peer some time to read that. Returns whether there is one.
    fn tell_to_go(&self) -> bool {
        let outlet = self.cable.carried().clone();
        if let Some(outlet) = &outlet {
            outlet.line.close(Closing::SlowConsumer);
        }
        outlet.is_some()
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_cut(context)?;
        // Not the end, but an error: after that the engine still writes what waits.
        if self.hung_up.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        self.stream().poll_read(context, buffer)
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
        self.stream.as_ref().expect(THERE).is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let stream = self.stream.take().expect(THERE);
        if self.cable.hung_up.is_cancelled()
            && !self.cable.cut.is_cancelled()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(linger(stream, Arc::clone(&self.cable)));
        }
    }
}

const THERE: &str = "only the drop takes the stream";

/// Waits for the peer to read what was written. If the peer has said something that nobody read, or says something now,
/// closing the connection would throw that away (RFC 2525, section 2.17).
async fn linger(mut stream: TcpStream, cable: Arc<Cable>) {
    let reading = async {
        stream.shutdown().await?;
        let mut nobody_listens = [0; 1_024];
        while stream.read(&mut nobody_listens).await? > 0 {}
        io::Result::Ok(())
    };
    tokio::select! {
        outcome = timeout(FAREWELL, reading) => debug!(?outcome, "a connection that was hung up has ended"),
        () = cable.cut.cancelled() => {}
    }
}
