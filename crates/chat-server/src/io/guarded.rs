//! A connection that ends when it is told to, when its peer does not read, and when its peer does not ask in time.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    runtime::Handle,
    time::{Sleep, sleep, timeout},
};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::debug;

use super::{cable::Cable, line::FAREWELL, places::Place, stream::Stream};
use crate::app::{closing::Closing, connections::Line as _};

/// How long a peer may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until a write makes progress.
    pub stall: Option<Duration>,
    /// Until the head of a request is complete that it has begun; for the first one, from the beginning on.
    pub headers: Duration,
}

/// A stream that ends when it is cut, or when a write makes no progress for too long.
pub struct Guarded {
    /// There until this is dropped.
    stream: Option<Stream>,
    cable: Arc<Cable>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    hung_up: Pin<Box<WaitForCancellationFutureOwned>>,
    patience: Patience,
    /// The peer has begun to ask.
    asking: Option<Asking>,
    stalled: Option<Pin<Box<Sleep>>>,
    /// The peer took nothing for too long once, and was told to go.
    is_last_chance: bool,
    _place: Place,
}

struct Asking {
    /// How many requests came before.
    after: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Guarded {
    /// Guards a stream that was just accepted; `place` is free again when it has ended.
    pub fn new(stream: Stream, place: Place, cable: Arc<Cable>, patience: Patience) -> Self {
        let mut guarded = Self {
            stream: Some(stream),
            cut: Box::pin(cable.cutting()),
            hung_up: Box::pin(cable.hanging_up()),
            cable,
            patience,
            asking: None,
            stalled: None,
            is_last_chance: false,
            _place: place,
        };
        guarded.asking = Some(guarded.begins_to_ask(0));
        guarded
    }

    fn begins_to_ask(&self, after: usize) -> Asking {
        let deadline = Box::pin(sleep(self.patience.headers));
        Asking { after, deadline }
    }

    /// An error when the peer has begun to ask and does not come to an end; `has_spoken` says whether it goes on.
    fn asks_in_time(&mut self, has_spoken: bool, context: &mut Context<'_>) -> io::Result<()> {
        let requests = self.cable.requests();
        self.asking.take_if(|asking| requests != Some(asking.after));
        if let Some(after) = requests
            && has_spoken
            && self.asking.is_none()
        {
            self.asking = Some(self.begins_to_ask(after));
        }
        let deadline = self.asking.as_mut().map(|asking| &mut asking.deadline);
        if deadline.is_some_and(|deadline| deadline.as_mut().poll(context).is_ready()) {
            debug!("a request did not come in time");
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    fn stream(&mut self) -> &mut Stream {
        self.stream.as_mut().expect(THERE)
    }

    fn is_cut(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let cable = Arc::clone(&self.cable);
        let written = self.progress_with(context, |stream, context| {
            cable.lane.poll_write(stream, context, slices)
        });
        let (taken, opens) = ready!(written)?;
        if let Some(outlet) = opens {
            outlet.open(&cable);
        }
        Poll::Ready(Ok(taken))
    }

    fn progress_with<T>(
        &mut self,
        context: &mut Context<'_>,
        act: impl FnOnce(&mut Stream, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.is_cut(context)?;
        if let Poll::Ready(result) = act(self.stream(), context) {
            self.stalled = None;
            return Poll::Ready(result);
        }
        let Some(stall) = self.patience.stall else {
            return Poll::Pending;
        };
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        ready!(stalled.as_mut().poll(context));
        if !self.is_last_chance && self.tell_to_go() {
            self.is_last_chance = true;
            let last = self.stalled.insert(Box::pin(sleep(FAREWELL)));
            ready!(last.as_mut().poll(context));
        }
        // The engine would go on reading after a write that failed.
        self.cable.cut();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ends the session in its rooms, and leaves the peer some time to read that. Returns whether there is one.
    fn tell_to_go(&self) -> bool {
        let outlet = self.cable.lane.carried();
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
        let before = buffer.filled().len();
        let outcome = Pin::new(self.stream()).poll_read(context, buffer);
        self.asks_in_time(buffer.filled().len() > before, context)?;
        outcome
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self.stream, Some(Stream::Plain(_)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.progress_with(context, |stream, context| {
            Pin::new(stream).poll_flush(context)
        })
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let cable = Arc::clone(&self.cable);
        cable.lane.poll_shutdown(self.stream(), context)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let stream = self.stream.take().expect(THERE);
        if self.cable.is_hung_up()
            && !self.cable.is_cut()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(linger(stream, Arc::clone(&self.cable)));
        } else {
            end(&self.cable);
        }
    }
}

const THERE: &str = "only the drop takes the stream";

/// Waits for the peer to read what was written. If the peer has said something that nobody read, or says something now,
/// closing the connection would throw that away (RFC 2525, section 2.17).
async fn linger(mut stream: Stream, cable: Arc<Cable>) {
    let reading = async {
        poll_fn(|context| cable.lane.poll_shutdown(&mut stream, context)).await?;
        let mut nobody_listens = [0; 1_024];
        while stream.read(&mut nobody_listens).await? > 0 {}
        io::Result::Ok(())
    };
    tokio::select! {
        outcome = timeout(FAREWELL, reading) => debug!(?outcome, "a connection that was hung up has ended"),
        () = cable.cutting() => {}
    }
    end(&cable);
}

/// Nobody writes any more.
fn end(cable: &Cable) {
    cable.lane.end();
    cable.cut();
}
