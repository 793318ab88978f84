//! Accepting connections. Each can be reached from elsewhere by its [`Cable`], and guards itself: see
//! [`super::guarded`].

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream};
use tracing::debug;

use super::{
    cable::Cable,
    guarded::{Guarded, Patience},
    lane::Lane,
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
        let (stream, lane) = match &self.certificate {
            Some(_) if !self.may_begin_tls(peer.ip()) => {
                debug!("an address begins TLS too often");
                return None;
            }
            Some(certificate) => {
                let stream = Stream::over_tls(tcp, certificate.current());
                (stream, Lane::default())
            }
            None => {
                let (reads, writes) = tcp.into_split();
                (Stream::Plain(reads), Lane::over(writes))
            }
        };
        let cable = Cable::new(lane);
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
