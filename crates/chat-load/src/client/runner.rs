//! Runs a phone over a line: the only place that knows the clock and the network.

use std::{
    io,
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    select,
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use super::{
    frame::{Frame, Outgoing},
    line::{Endpoints, Line},
    phone::{Legacy, Phone, Want},
    shared::{Phase, Shared},
};
use crate::{plan::Manner, record::End};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// As good as never, and still a time.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

/// A client and its connection.
pub struct Runner {
    phone: Phone,
    line: Option<Line>,
    shared: Arc<Shared>,
    endpoints: Endpoints,
    small_buffer: bool,
    zero: Instant,
    was_ready: bool,
    connections: u64,
}

impl Runner {
    /// Times are counted from `zero`.
    pub fn new(
        phone: Phone,
        shared: Arc<Shared>,
        endpoints: Endpoints,
        small_buffer: bool,
        zero: Instant,
    ) -> Self {
        Self {
            phone,
            line: None,
            shared,
            endpoints,
            small_buffer,
            zero,
            was_ready: false,
            connections: 0,
        }
    }

    /// Runs until the run is over.
    pub async fn run(mut self, mut phases: watch::Receiver<Phase>) -> Legacy {
        let mut sleep = pin!(sleep_until(self.zero));
        loop {
            if phases.has_changed().unwrap_or(false) {
                let phase = *phases.borrow_and_update();
                self.phone.enter(phase, self.now());
                // Each phase is counted for itself.
                self.was_ready = false;
                if phase == Phase::Over {
                    break;
                }
            }
            self.step().await;
            self.report_readiness();
            let wake = (self.phone.wake()).min(self.now() + self.phone.nap().min(FAR));
            let wake = self.zero + wake.min(FAR);
            if sleep.deadline() != wake {
                sleep.as_mut().reset(wake);
            }
            let reading = self.phone.is_reading();
            let exchange = async {
                match &mut self.line {
                    Some(line) => line.exchange(reading).await,
                    None => std::future::pending().await,
                }
            };
            select! {
                exchanged = exchange => {
                    if exchanged.and_then(|()| self.hear()).is_err() {
                        self.lose(End::Server);
                    }
                }
                () = &mut sleep => {}
                changed = phases.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    phases.mark_changed();
                }
            }
        }
        if let Some(line) = self.line.take() {
            line.cut(Manner::Goodbye);
        }
        self.phone.into_legacy()
    }

    fn now(&self) -> Duration {
        self.zero.elapsed()
    }

    /// Lets the phone act, and gives it the line that it wants.
    async fn step(&mut self) {
        let now = self.now();
        if let Some(line) = &mut self.line {
            self.phone.act(now, &mut line.outgoing);
            if line.write().is_err() {
                self.lose(End::Server);
            }
        } else {
            // Nothing is said to nobody, but plans go on.
            self.phone.act(now, &mut Outgoing::default());
        }
        match self.phone.want(now) {
            Want::AsIs => {}
            Want::Cut(manner, by) => {
                if let Some(line) = self.line.take() {
                    line.cut(manner);
                    self.shared.tally.online.fetch_sub(1, Relaxed);
                }
                if by == End::Refused {
                    self.endpoints.turn_away();
                }
                self.phone.closed(by, self.now());
            }
            Want::Connect => self.connect(now).await,
        }
    }

    async fn connect(&mut self, now: Duration) {
        self.phone.connecting(now);
        let opening = Line::open(self.endpoints.current(), self.small_buffer);
        match timeout(CONNECT_WITHIN, opening).await {
            Ok(Ok(line)) => {
                self.line = Some(line);
                self.shared.tally.online.fetch_add(1, Relaxed);
                if self.connections > 0 {
                    self.shared.tally.reconnected.fetch_add(1, Relaxed);
                }
                self.connections += 1;
                // The first packet may have come with the answer to the handshake.
                if self.hear().is_err() {
                    self.lose(End::Server);
                }
            }
            Ok(Err(error)) => self.refused(error.to_string()),
            Err(_) => self.refused("the server does not answer".to_owned()),
        }
    }

    fn refused(&mut self, reason: String) {
        self.shared.complain(reason);
        self.endpoints.turn_away();
        self.phone.closed(End::Refused, self.now());
    }

    fn lose(&mut self, by: End) {
        if self.line.take().is_some() {
            self.shared.tally.online.fetch_sub(1, Relaxed);
            self.phone.closed(by, self.now());
        }
    }

    /// Hears what has come.
    fn hear(&mut self) -> io::Result<()> {
        let Some(line) = &mut self.line else {
            return Ok(());
        };
        let now = self.zero.elapsed();
        while let Some(frame) = line.incoming.take().map_err(io::Error::other)? {
            match frame {
                Frame::Text(text) => self.phone.hear(text, now, &mut line.outgoing),
                Frame::Ping(payload) => line.outgoing.pong(payload),
                Frame::Close => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(())
    }

    fn report_readiness(&mut self) {
        let (is_ready, phase) = (self.phone.is_ready(), self.phone.phase());
        match (self.was_ready, is_ready) {
            (false, true) => self.shared.add_ready(phase),
            (true, false) => self.shared.remove_ready(phase),
            _ => {}
        }
        self.was_ready = is_ready;
    }
}
