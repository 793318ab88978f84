//! A network between two programs: a TCP proxy that passes everything on until it is told to fail.
//!
//! Invariant: what arrives is what was sent, in order, up to where a connection breaks. A silent network keeps
//! what is under way, as a real one does that is mended before anybody gave up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Result},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::port::Port;

/// What goes on at once; with a delay, each of these waits.
const PIECE_BYTES: usize = 16 * 1024;

/// A relay, which ends with this: connections through it are reset then.
pub struct Relay {
    port: Port,
    weather: watch::Sender<Weather>,
    carried: Arc<Carried>,
    listening: JoinHandle<()>,
}

/// Which way bytes go. Who connects to the relay is the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What the client says.
    ToServer,
    /// What the server says.
    ToClient,
}

/// Bytes that went on, each way.
#[derive(Debug, Default)]
struct Carried {
    to_server: AtomicU64,
    to_client: AtomicU64,
}

impl Carried {
    const fn by(&self, way: Way) -> &AtomicU64 {
        match way {
            Way::ToServer => &self.to_server,
            Way::ToClient => &self.to_client,
        }
    }
}

/// How the network is.
#[derive(Debug, Clone, Copy)]
enum Weather {
    Fine,
    /// Nothing is let in, and nothing goes on.
    Cut,
    /// Everybody is let in, and nothing goes that way, or either way.
    Silent(Option<Way>),
    Slow(Duration),
}

/// What happens to a piece.
enum Fate {
    GoesOn,
    Waits(Duration),
    Stays,
}

impl Relay {
    /// A relay to that port of this machine, on the runtime that this is called on.
    pub fn start(to_port: u16) -> Self {
        let port = Port::reserve();
        let weather = watch::Sender::new(Weather::Fine);
        // Bound before anybody can ask for the address.
        let listener = listen(port.number());
        let carried = Arc::default();
        let path = Path {
            to_port,
            weather: weather.subscribe(),
            carried: Arc::clone(&carried),
        };
        let relaying = relay_all(listener, port.number(), path);
        Self {
            port,
            weather,
            carried,
            listening: tokio::spawn(relaying),
        }
    }

    /// Where to connect to.
    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// How many bytes went on so far, that way.
    pub fn carried(&self, way: Way) -> u64 {
        self.carried.by(way).load(Relaxed)
    }

    /// Everything goes on, from now on; also what was held back.
    pub fn pass(&self) {
        self.weather.send_replace(Weather::Fine);
    }

    /// Connections are reset, and new ones refused.
    pub fn cut(&self) {
        self.weather.send_replace(Weather::Cut);
    }

    /// Connections stay, new ones are accepted, and nobody is heard.
    pub fn silence(&self) {
        self.weather.send_replace(Weather::Silent(None));
    }

    /// As [`Self::silence`], but only one of the two is not heard.
    pub fn silence_way(&self, way: Way) {
        self.weather.send_replace(Weather::Silent(Some(way)));
    }

    /// Each piece of at most 16 KiB waits so long before it goes on, one after the other.
    pub fn slow(&self, delay: Duration) {
        self.weather.send_replace(Weather::Slow(delay));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
        self.listening.abort();
    }
}

impl Weather {
    fn fate(self, going: Way) -> Fate {
        match self {
            Self::Fine => Fate::GoesOn,
            Self::Slow(delay) => Fate::Waits(delay),
            Self::Silent(Some(way)) if way != going => Fate::GoesOn,
            Self::Silent(_) | Self::Cut => Fate::Stays,
        }
    }
}

fn listen(port: u16) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    // Old connections do not keep the port.
    socket.set_reuseaddr(true).expect("a socket has this");
    let address = ([127, 0, 0, 1], port).into();
    socket.bind(address).expect("the port is ours");
    socket.listen(1024).expect("the port is ours")
}

/// What every connection needs.
#[derive(Debug, Clone)]
struct Path {
    to_port: u16,
    weather: watch::Receiver<Weather>,
    carried: Arc<Carried>,
}

async fn relay_all(first: TcpListener, port: u16, path: Path) {
    let mut weather = path.weather.clone();
    let mut listener = Some(first);
    while let Some(open) = listener.take() {
        let accepting = async {
            while let Ok((client, _)) = open.accept().await {
                tokio::spawn(relay(client, path.clone()));
            }
        };
        let mut watched = path.weather.clone();
        tokio::select! {
            () = accepting => {}
            _ = watched.wait_for(is_cut) => {}
        }
        // Whoever was in the queue is reset with it.
        drop(open);
        if weather.wait_for(|weather| !is_cut(weather)).await.is_ok() {
            listener = Some(listen(port));
        }
    }
}

async fn relay(mut client: TcpStream, path: Path) {
    let mut weather = path.weather.clone();
    // Dropping a client whose server is away resets or ends its connection: it notices either.
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", path.to_port)).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ended_well = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let to_server = pass_on(from_client, to_server, Way::ToServer, path.clone());
        let to_client = pass_on(from_server, to_client, Way::ToClient, path.clone());
        let both = async { tokio::try_join!(to_server, to_client) };
        tokio::select! {
            done = both => done.is_ok(),
            _ = weather.wait_for(is_cut) => false,
        }
    };
    if !ended_well {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Until the end of what is said, which is passed on too.
async fn pass_on(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    way: Way,
    path: Path,
) -> Result<()> {
    let mut weather = path.weather;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = from.read(&mut piece).await?;
        loop {
            let fate = weather.borrow_and_update().fate(way);
            match fate {
                Fate::GoesOn => break,
                Fate::Waits(delay) => break tokio::time::sleep(delay).await,
                // Without a relay nothing changes any more, and the connection is cut.
                Fate::Stays => weather
                    .changed()
                    .await
                    .map_err(|_| std::io::ErrorKind::ConnectionReset)?,
            }
        }
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..length]).await?;
        path.carried.by(way).fetch_add(length as u64, Relaxed);
    }
}

const fn is_cut(weather: &Weather) -> bool {
    matches!(weather, Weather::Cut)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);
    const A_MOMENT: Duration = Duration::from_millis(50);

    /// A client and a server that are connected through a relay.
    struct Scene {
        relay: Relay,
        listener: TcpListener,
        client: TcpStream,
        server: TcpStream,
    }

    impl Scene {
        async fn new() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let relay = Relay::start(listener.local_addr().unwrap().port());
            let client = TcpStream::connect(("127.0.0.1", relay.port()));
            let (client, accepted) = tokio::join!(client, listener.accept());
            Self {
                client: client.unwrap(),
                server: accepted.unwrap().0,
                relay,
                listener,
            }
        }

        async fn connect(&self) -> Result<TcpStream> {
            TcpStream::connect(("127.0.0.1", self.relay.port())).await
        }
    }

    async fn hears(stream: &mut TcpStream) -> Result<Vec<u8>> {
        let mut said = vec![0; 64];
        let length = timeout(PATIENCE, stream.read(&mut said)).await.unwrap()?;
        said.truncate(length);
        Ok(said)
    }

    async fn hears_nothing(stream: &mut TcpStream) {
        assert!(timeout(A_MOMENT, stream.read_u8()).await.is_err());
    }

    #[tokio::test]
    async fn what_is_said_arrives_and_so_does_its_end() {
        let mut scene = Scene::new().await;

        scene.client.write_all(b"hello").await.unwrap();
        assert_eq!(hears(&mut scene.server).await.unwrap(), b"hello");
        scene.client.shutdown().await.unwrap();
        assert_eq!(hears(&mut scene.server).await.unwrap(), b"");
        scene.server.write_all(b"bye").await.unwrap();

        assert_eq!(hears(&mut scene.client).await.unwrap(), b"bye");
        assert_eq!(scene.relay.carried(Way::ToServer), 5);
    }

    #[tokio::test]
    async fn a_cut_resets_who_is_there_and_refuses_who_comes_until_it_is_mended() {
        let mut scene = Scene::new().await;

        scene.relay.cut();

        for stream in [&mut scene.client, &mut scene.server] {
            let error = hears(stream).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        while scene.connect().await.is_ok() {
            tokio::task::yield_now().await;
        }
        scene.relay.pass();
        let mut client = loop {
            if let Ok(client) = scene.connect().await {
                break client;
            }
        };
        let (mut server, _) = scene.listener.accept().await.unwrap();
        client.write_all(b"again").await.unwrap();
        assert_eq!(hears(&mut server).await.unwrap(), b"again");
    }

    #[tokio::test]
    async fn silence_one_way_holds_back_what_is_said_that_way() {
        let mut scene = Scene::new().await;
        scene.relay.silence_way(Way::ToServer);

        scene.client.write_all(b"later").await.unwrap();
        scene.server.write_all(b"now").await.unwrap();

        assert_eq!(hears(&mut scene.client).await.unwrap(), b"now");
        hears_nothing(&mut scene.server).await;
        scene.relay.pass();
        assert_eq!(hears(&mut scene.server).await.unwrap(), b"later");
    }

    #[tokio::test]
    async fn in_silence_connections_are_accepted_and_nobody_is_heard() {
        let mut scene = Scene::new().await;
        scene.relay.silence();

        scene.client.write_all(b"x").await.unwrap();
        scene.server.write_all(b"y").await.unwrap();

        assert!(scene.connect().await.is_ok());
        hears_nothing(&mut scene.client).await;
        hears_nothing(&mut scene.server).await;
    }

    #[tokio::test]
    async fn a_slow_network_is_late() {
        let mut scene = Scene::new().await;
        scene.relay.slow(2 * A_MOMENT);

        scene.client.write_all(b"late").await.unwrap();

        hears_nothing(&mut scene.server).await;
        assert_eq!(hears(&mut scene.server).await.unwrap(), b"late");
    }
}
