//! Where a JWKS document comes from: a file, or an address.

use std::{
    error::Error,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use axum::body::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{task::spawn_blocking, time::timeout};

use crate::{config::JwksUrl, tls};

/// A document is not larger than this.
const MOST_BYTES: usize = 256 * 1_024;

/// Whoever serves it has this long for all of it.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

type Failure = Box<dyn Error + Send + Sync>;

/// Why there is no document. The address is not repeated: it may hold a key.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("cannot be read")]
    File(#[source] io::Error),
    /// Nobody answers.
    #[error("does not answer")]
    Away(#[source] Failure),
    /// Nobody answers in time.
    #[error("does not come in time")]
    Late,
    /// The answer is no document. Redirections are not followed.
    #[error("answers with {0}")]
    Refused(StatusCode),
    /// The document is too large.
    #[error("is larger than {MOST_BYTES} bytes")]
    TooLarge,
    /// The document is no text.
    #[error("is no text")]
    NoText,
}

/// Something that can be read again and again.
#[async_trait]
pub trait Source: Send + Sync {
    /// The document as it is now.
    async fn read(&self) -> Result<String, SourceError>;
}

/// A file.
pub struct InFile(pub PathBuf);

/// An address. No redirection is followed, no proxy is asked, no connection is kept.
pub struct Remote {
    url: JwksUrl,
    http: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Remote {
    /// # Errors
    /// This machine has no certificates that servers could be checked with.
    pub fn new(url: JwksUrl) -> io::Result<Self> {
        let connector = if url.is_over_tls() {
            let tls = tls::for_clients()?;
            HttpsConnectorBuilder::new()
                .with_tls_config(tls)
                .https_only()
                .enable_http1()
                .build()
        } else {
            let tls = tls::trusting_nobody();
            HttpsConnectorBuilder::new()
                .with_tls_config(tls)
                .https_or_http()
                .enable_http1()
                .build()
        };
        let http = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self { url, http })
    }

    async fn fetch(&self) -> Result<Bytes, SourceError> {
        let asked = self.http.get(self.url.reveal().clone()).await;
        let answer = asked.map_err(|error| SourceError::Away(error.into()))?;
        if answer.status() != StatusCode::OK {
            return Err(SourceError::Refused(answer.status()));
        }
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                SourceError::TooLarge
            } else {
                SourceError::Away(error)
            }
        });
        Ok(body?.to_bytes())
    }
}

#[async_trait]
impl Source for InFile {
    async fn read(&self) -> Result<String, SourceError> {
        let path = self.0.clone();
        // A file may be on a disk that hangs; who waits for it goes on with other things, and can be stopped.
        let read = spawn_blocking(move || start_of(&path)).await;
        let document = read.map_err(|error| SourceError::File(error.into()))?;
        let document = document.map_err(SourceError::File)?;
        if document.len() > MOST_BYTES {
            return Err(SourceError::TooLarge);
        }
        String::from_utf8(document).map_err(|_| SourceError::NoText)
    }
}

/// No more than shows that it is too large. Some files do not know their size.
fn start_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    let most = MOST_BYTES as u64 + 1;
    File::open(path)?.take(most).read_to_end(&mut start)?;
    Ok(start)
}

#[async_trait]
impl Source for Remote {
    async fn read(&self) -> Result<String, SourceError> {
        let fetched = timeout(ANSWERS_WITHIN, self.fetch()).await;
        let document = fetched.unwrap_or(Err(SourceError::Late))?;
        String::from_utf8(document.into()).map_err(|_| SourceError::NoText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_without_end_is_not_read_to_its_end() {
        let endless = InFile("/dev/zero".into()).read().await;

        assert!(matches!(endless, Err(SourceError::TooLarge)));
    }
}
