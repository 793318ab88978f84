use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::time::sleep;
use tracing::{info, warn};

use super::provider;

/// Who has put a new certificate into the files waits this long, or a little longer.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file has no certificate as PEM.
    #[error("{0} holds no certificate as PEM")]
    NoCertificate(PathBuf),
    /// The file has no key as PEM.
    #[error("{0} holds no private key as PEM")]
    NoKey(PathBuf),
    /// They cannot be used together.
    #[error("the certificate and the key cannot be used: {0}")]
    Unfit(#[from] rustls::Error),
}

/// What the server shows for itself. It may change while the server runs.
pub struct Certificate {
    files: Files,
    /// Whether it could be used or not; `None` if it could not be read.
    seen: Mutex<Option<Written>>,
    current: RwLock<Arc<ServerConfig>>,
}

struct Files {
    chain: PathBuf,
    key: PathBuf,
}

/// What is written in the files.
#[derive(PartialEq, Eq)]
struct Written {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    /// Reads the chain of certificates and the private key, both PEM.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn open(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let files = Files {
            chain: chain.to_owned(),
            key: key.to_owned(),
        };
        let written = files.read()?;
        let config = files.understand(&written)?;
        Ok(Self {
            files,
            seen: Mutex::new(Some(written)),
            current: RwLock::new(config),
        })
    }

    /// What new connections are shown.
    pub fn current(&self) -> Arc<ServerConfig> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Looks for new files again and again. What cannot be used is left, until it can.
    pub async fn renew(self: Arc<Self>) {
        loop {
            sleep(LOOK_EVERY).await;
            self.look();
        }
    }

    fn look(&self) {
        let read = self.files.read();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match read {
            Ok(written) => written,
            Err(error) => {
                if seen.take().is_some() {
                    warn!(%error, "the old certificate goes on");
                }
                return;
            }
        };
        if seen.as_ref() == Some(&written) {
            return;
        }
        match self.files.understand(&written) {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                info!("there is a new certificate");
            }
            Err(error) => warn!(%error, "the old certificate goes on"),
        }
        *seen = Some(written);
    }
}

impl Files {
    fn read(&self) -> Result<Written, CertificateError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| CertificateError::Unreadable {
                path: path.to_owned(),
                source,
            })
        };
        Ok(Written {
            chain: read(&self.chain)?,
            key: read(&self.key)?,
        })
    }

    fn understand(&self, written: &Written) -> Result<Arc<ServerConfig>, CertificateError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&written.chain)
            .collect::<Result<_, _>>()
            .unwrap_or_default();
        if chain.is_empty() {
            return Err(CertificateError::NoCertificate(self.chain.clone()));
        }
        let key = PrivateKeyDer::from_pem_slice(&written.key)
            .map_err(|_| CertificateError::NoKey(self.key.clone()))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use tracing_subscriber::{fmt, prelude::*};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged when somebody looks so often.
    fn logged(certificate: &Certificate, looks: usize) -> String {
        let log = Log::default();
        let to = log.clone();
        let lines = fmt::layer()
            .with_ansi(false)
            .with_writer(move || to.clone());
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, || {
            (0..looks).for_each(|_| certificate.look());
        });
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    }

    fn made() -> (String, String) {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let CertifiedKey { cert, signing_key } = made;
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn files_that_become_bad_are_told_once_and_the_old_certificate_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("tls.pem"), folder.path().join("tls.key"));
        let put = |(chain_text, key_text): (String, String)| {
            fs::write(&chain, chain_text).unwrap();
            fs::write(&key, key_text).unwrap();
        };
        put(made());
        let certificate = Certificate::open(&chain, &key).unwrap();
        let first = certificate.current();

        assert_eq!(logged(&certificate, 3), "");
        let ways_to_be_bad: [(&str, &dyn Fn()); 3] = [
            ("cannot read", &|| fs::remove_file(&key).unwrap()),
            ("no certificate", &|| put(("rubbish".to_owned(), made().1))),
            ("cannot be used", &|| put((made().0, made().1))),
        ];
        for (why, spoil) in ways_to_be_bad {
            spoil();
            let log = logged(&certificate, 3);
            let warnings = log.matches(" WARN ").count();
            assert_eq!((warnings, log.lines().count()), (1, 1), "{log}");
            assert!(log.contains("the old certificate goes on"), "{log}");
            assert!(log.contains(why), "{log}");
        }
        assert!(Arc::ptr_eq(&first, &certificate.current()));

        put(made());
        let log = logged(&certificate, 3);
        assert_eq!(
            log.matches("there is a new certificate").count(),
            1,
            "{log}"
        );
        assert!(!Arc::ptr_eq(&first, &certificate.current()));
    }
}
