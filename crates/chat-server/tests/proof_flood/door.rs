//! The way in to a server, from any address of this machine.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use crate::support::{Client, Wire, token};

/// Where the flood comes from.
pub const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Where a server is, and how one speaks there.
#[derive(Clone)]
pub struct Door {
    pub address: SocketAddr,
    tls: Option<TlsConnector>,
}

impl Door {
    /// Without TLS.
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// With TLS, if the server shows this certificate. Each handshake is a full one.
    pub fn secure(address: SocketAddr, trusted: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(trusted).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Self {
            address,
            tls: Some(TlsConnector::from(Arc::new(config))),
        }
    }

    /// A TCP connection, which leaves nothing behind when it is dropped.
    pub async fn knock(&self, from: Ipv4Addr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((IpAddr::V4(from), 0).into())?;
        let stream = socket.connect(self.address).await?;
        // Ports of this machine would run out otherwise.
        stream.set_zero_linger()?;
        Ok(stream)
    }

    /// A connection, over TLS or not.
    pub async fn enter(&self, from: Ipv4Addr) -> io::Result<Box<dyn Wire>> {
        let tcp = self.knock(from).await?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(tcp));
        };
        let name = "localhost".try_into().unwrap();
        Ok(Box::new(tls.connect(name, tcp).await?))
    }

    /// Opens a transport. `Err` says that it was refused.
    pub async fn open(&self, from: Ipv4Addr) -> Result<Client, ()> {
        let stream = self.enter(from).await.map_err(|_| ())?;
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", self.address);
        Client::over(stream, &url, &[]).await.map_err(|_| ())
    }

    /// Signs in and joins a room, which nobody may refuse.
    pub async fn join(&self, from: Ipv4Addr, user: &str, group: &str) -> Client {
        let mut client = self.open(from).await.expect("it opens");
        let auth = json!({"token": token(user, 3_600)});
        client.send(&format!("40{auth}")).await;
        client.wait_after_connect("session").await;
        client.call("join_group", json!(group)).await;
        client
    }
}
