//! Accepting connections. Each can be ended from elsewhere, and guards itself: see [`super::guarded`].
//!
//! A connection is *cut* at once, or *hung up*: then nothing is read from it any more, what waits is still written, and
//! the peer has time to read it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::debug;

use super::{
    guarded::{Guarded, Patience},
    outlet::Outlet,
    places::Places,
    stream::Stream,
};
use crate::{
    app::{App, address::Address},
    tls::Certificate,
};

/// After an error in accepting (out of file descriptors), wait this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections as [`Carrier`]s.
pub struct Listener {
    tcp: TcpListener,
    /// With it, connections are over TLS.
    certificate: Option<Arc<Certificate>>,
    patience: Patience,
    places: Places,
    app: Arc<App>,
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
    asked: AtomicUsize,
    answered: AtomicUsize,
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

    /// A request has come.
    pub fn ask(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// It was answered, and another one may come.
    pub fn answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests there were, if another one may come.
    pub(super) fn requests(&self) -> Option<usize> {
        let asked = self.asked.load(Ordering::Relaxed);
        (asked == self.answered.load(Ordering::Relaxed)).then_some(asked)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_cancelled()
    }

    pub(super) fn is_hung_up(&self) -> bool {
        self.hung_up.is_cancelled()
    }

    /// Returns when it is cut.
    pub(super) fn cutting(&self) -> WaitForCancellationFutureOwned {
        self.cut.clone().cancelled_owned()
    }

    /// Returns when it is hung up.
    pub(super) fn hanging_up(&self) -> WaitForCancellationFutureOwned {
        self.hung_up.clone().cancelled_owned()
    }

    pub(super) fn carried(&self) -> MutexGuard<'_, Option<Arc<Outlet>>> {
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
    /// Accepts from `tcp`.
    pub fn new(tcp: TcpListener, certificate: Option<Arc<Certificate>>, app: Arc<App>) -> Self {
        let config = &app.config;
        Self {
            tcp,
            certificate,
            patience: Patience {
                stall: config.limits.stall(),
                headers: config.http.headers_within(),
            },
            places: Places::new(config),
            app,
        }
    }

    /// The next connection. Who comes when there are too many is cut off.
    pub async fn accept(&mut self) -> (Guarded, Carrier) {
        loop {
            match self.tcp.accept().await {
                Ok((tcp, peer)) => {
                    if let Some(accepted) = self.take(tcp, peer) {
                        return accepted;
                    }
                }
                Err(error) => {
                    debug!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    fn take(&self, tcp: TcpStream, peer: SocketAddr) -> Option<(Guarded, Carrier)> {
        let Some(place) = self.places.take(peer.ip()) else {
            debug!("there are as many connections as there may be");
            return None;
        };
        // Each message is a write of its own; waiting for more would only delay it.
        if let Err(error) = tcp.set_nodelay(true) {
            debug!(%error, "could not switch off Nagle's algorithm");
        }
        let stream = match &self.certificate {
            Some(_) if !self.may_begin_tls(peer.ip()) => {
                debug!("an address begins TLS too often");
                return None;
            }
            Some(certificate) => Stream::over_tls(tcp, certificate.current()),
            None => Stream::Plain(tcp),
        };
        let cable = Arc::<Cable>::default();
        let guarded = Guarded::new(stream, place, Arc::clone(&cable), self.patience);
        Some((guarded, Carrier { peer, cable }))
    }

    /// Whether TLS may begin with that address once more. Behind a trusted proxy's is everybody.
    fn may_begin_tls(&self, peer: IpAddr) -> bool {
        if self.app.config.http.trusted_proxies.contain(peer) {
            return true;
        }
        let Address(address) = Address::of(peer.to_canonical());
        let begun = self.app.requests.tls.spend(&address, self.app.now());
        begun.is_ok()
    }
}
