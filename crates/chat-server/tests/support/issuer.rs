//! Whoever signs tokens: private keys, and a server that serves the public ones.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A private key with a name.
#[derive(Clone)]
pub struct Signer {
    pub name: Option<&'static str>,
    pub algorithm: Algorithm,
    key: EncodingKey,
}

pub fn rsa(name: Option<&'static str>) -> Signer {
    let key = EncodingKey::from_rsa_pem(include_bytes!("../keys/rsa.pem"));
    Signer {
        name,
        algorithm: Algorithm::RS256,
        key: key.unwrap(),
    }
}

pub fn ec(name: Option<&'static str>) -> Signer {
    let key = EncodingKey::from_ec_pem(include_bytes!("../keys/ec.pem"));
    Signer {
        name,
        algorithm: Algorithm::ES256,
        key: key.unwrap(),
    }
}

pub fn ed(name: Option<&'static str>) -> Signer {
    let key = EncodingKey::from_ed_pem(include_bytes!("../keys/ed.pem"));
    Signer {
        name,
        algorithm: Algorithm::EdDSA,
        key: key.unwrap(),
    }
}

impl Signer {
    /// The same key under another name.
    pub fn named(&self, name: &'static str) -> Self {
        Self {
            name: Some(name),
            ..self.clone()
        }
    }

    /// A token of that user for an hour.
    pub fn token(&self, user: &str) -> String {
        self.token_with(user, Header::new(self.algorithm))
    }

    /// A token with other things in its header.
    pub fn token_with(&self, user: &str, mut header: Header) -> String {
        header.kid = self.name.map(str::to_owned);
        let exp = jsonwebtoken::get_current_timestamp() + 3_600;
        let claims = json!({"sub": user, "exp": exp});
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }

    fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = self.name.map(str::to_owned);
        serde_json::to_value(jwk).unwrap()
    }
}

/// The public parts as a JWKS document.
pub fn document(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// Serves what it is told to, and counts who asks.
pub struct Issuer {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Mutex<String>,
    asked: AtomicUsize,
    is_away: AtomicBool,
}

impl Issuer {
    /// Serves these keys.
    pub async fn start(signers: &[&Signer]) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Mutex::new(fine(&document(signers))),
            asked: AtomicUsize::new(0),
            is_away: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                let _ = serving.answer(stream).await;
            }
        });
        Self { address, shared }
    }

    /// Where the document is.
    pub fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// From now on it serves these keys.
    pub fn serve(&self, signers: &[&Signer]) {
        self.answer(fine(&document(signers)));
    }

    /// From now on it answers with that, as it is.
    pub fn answer(&self, answer: String) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// From now on nobody gets an answer, or everybody again.
    pub fn set_away(&self, is_away: bool) {
        self.shared.is_away.store(is_away, Ordering::SeqCst);
    }

    /// How often somebody asked.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

impl Shared {
    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut question = [0; 4_096];
        let _ = stream.read(&mut question).await?;
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            return Ok(());
        }
        let answer = self.answer.lock().unwrap().clone();
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }
}

/// A document as an answer.
pub fn fine(document: &str) -> String {
    let length = document.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{document}")
}
