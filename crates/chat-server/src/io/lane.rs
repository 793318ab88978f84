//! The direct lane: a packet goes from whoever tells it straight to the network, without a task of the connection.
//!
//! The engine copies and queues what it sends for each socket, wakes two tasks, and writes then. Here a frame that was
//! encoded once is written at once, by whoever has it, if nothing can be overtaken: the connection is a WebSocket without
//! TLS, no frame has begun and not ended, and nothing waits for the socket in the engine. Otherwise the packet goes
//! through the engine like any other, and everything behind it too until that has left.
//!
//! Invariant: frames are written whole and one after the other. What the network has not taken of a direct one leaves
//! before anything else does.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use tokio::{io::AsyncWrite, net::tcp::OwnedWriteHalf};

use super::{
    frames::{Frame, Frames},
    outlet::Outlet,
    stream::Stream,
};

/// What a connection writes.
#[derive(Default)]
pub struct Lane(Mutex<State>);

#[derive(Default)]
struct State {
    /// There until the connection ends; never there over TLS, which has its own way.
    tcp: Option<OwnedWriteHalf>,
    frames: Frames,
    /// Whose session this is.
    outlet: Option<Arc<Outlet>>,
    /// What is written from here on is that session's, and not that of one before it on the same connection.
    is_connected: bool,
    /// What the network has not taken yet of a direct frame.
    rest: Vec<u8>,
    /// Who waits until that has left.
    waiting: Option<Waker>,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direct {
    /// It is on its way.
    Written,
    /// So is its beginning. Somebody has to call [`Lane::finish`].
    Begun,
    /// It has to go through the engine.
    NotNow,
}

impl Lane {
    /// Of a connection without TLS.
    pub fn over(tcp: OwnedWriteHalf) -> Self {
        Self(Mutex::new(State {
            tcp: Some(tcp),
            ..State::default()
        }))
    }

    /// The connection becomes a WebSocket with the answer that is written next.
    pub fn switch(&self) {
        self.lock().frames.switch();
    }

    /// From now on this connection carries that session.
    pub fn carries(&self, outlet: Arc<Outlet>) {
        let mut state = self.lock();
        // Who has polled until now was connected then.
        state.is_connected = outlet.has_polled;
        state.outlet = Some(outlet);
    }

    /// The session that this connection carries.
    pub fn carried(&self) -> Option<Arc<Outlet>> {
        self.lock().outlet.clone()
    }

    /// Writes a frame to that session, if it can overtake nothing.
    pub fn write(&self, frame: &[u8], outlet: &Outlet) -> Direct {
        let mut state = self.lock();
        let is_free = state.frames.is_between() && state.rest.is_empty();
        let is_its_own = || {
            state
                .outlet
                .as_deref()
                .is_some_and(|it| std::ptr::eq(it, outlet))
        };
        let Some(tcp) = &state.tcp else {
            return Direct::NotNow;
        };
        if !is_free || !is_its_own() || !outlet.backlog.is_clear() {
            return Direct::NotNow;
        }
        match tcp.try_write(frame) {
            Ok(taken) if taken == frame.len() => Direct::Written,
            Ok(0) | Err(_) => Direct::NotNow,
            Ok(taken) => {
                outlet.backlog.begun(frame.len() - taken);
                state.rest.extend_from_slice(&frame[taken..]);
                Direct::Begun
            }
        }
    }

    /// Returns when what [`Self::write`] has begun has left, or cannot leave any more.
    pub async fn finish(&self) {
        std::future::poll_fn(|context| self.poll_finish(context)).await;
    }

    fn poll_finish(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        let State { tcp, rest, .. } = &mut *state;
        while let Some(tcp) = tcp
            && !rest.is_empty()
        {
            match ready!(Pin::new(tcp).poll_write(context, rest)) {
                Ok(taken) if taken > 0 => drop(rest.drain(..taken)),
                // Whoever writes next is told of the error.
                Ok(_) | Err(_) => rest.clear(),
            }
        }
        *rest = Vec::new();
        if let Some(outlet) = &state.outlet {
            outlet.backlog.left();
        }
        if let Some(waiting) = state.waiting.take() {
            waiting.wake();
        }
        Poll::Ready(())
    }

    /// Writes for the engine. Returns how much the network took, and the session if its packets may go directly from
    /// now on.
    pub fn poll_write(
        &self,
        stream: &mut Stream,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<(usize, Option<Arc<Outlet>>)>> {
        let mut state = self.lock();
        ready!(state.poll_rest(context));
        let written = match &mut state.tcp {
            Some(tcp) => Pin::new(tcp).poll_write_vectored(context, slices),
            None => Pin::new(stream).poll_write_vectored(context, slices),
        };
        let taken = ready!(written)?;
        Poll::Ready(Ok((taken, state.written(taken, slices))))
    }

    /// Says that nothing else will be written.
    pub fn poll_shutdown(
        &self,
        stream: &mut Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        ready!(state.poll_rest(context));
        match &mut state.tcp {
            Some(tcp) => Pin::new(tcp).poll_shutdown(context),
            None => Pin::new(stream).poll_shutdown(context),
        }
    }

    /// The connection has ended.
    pub fn end(&self) {
        let ended = std::mem::take(&mut *self.lock());
        if let Some(waiting) = &ended.waiting {
            waiting.wake_by_ref();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn poll_rest(&mut self, context: &Context<'_>) -> Poll<()> {
        if self.rest.is_empty() {
            return Poll::Ready(());
        }
        self.waiting = Some(context.waker().clone());
        Poll::Pending
    }

    fn written(&mut self, taken: usize, slices: &[io::IoSlice<'_>]) -> Option<Arc<Outlet>> {
        let (outlet, is_connected) = (&self.outlet, &mut self.is_connected);
        let mut opens = None;
        let mut left = |frame| match (frame, outlet) {
            (Frame::Connected, _) => *is_connected = true,
            (Frame::Packet, Some(outlet)) if *is_connected => {
                outlet.backlog.left();
                opens = Some(outlet);
            }
            (Frame::Packet | Frame::Other, _) => {}
        };
        let mut taken = taken;
        for slice in slices {
            let here = taken.min(slice.len());
            self.frames.written(&slice[..here], &mut left);
            taken -= here;
        }
        opens.filter(|_| self.tcp.is_some()).cloned()
    }
}

#[cfg(test)]
mod tests;
