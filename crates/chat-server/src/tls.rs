//! TLS, in both directions, with one provider of cryptography: ring.

mod certificate;

use std::{io, sync::Arc};

use hyper_rustls::ConfigBuilderExt;
use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};

pub use self::certificate::{Certificate, CertificateError};

/// Trusts whom this machine trusts; `SSL_CERT_FILE` names others.
///
/// # Errors
/// This machine has no certificates.
pub fn for_clients() -> io::Result<ClientConfig> {
    Ok(building().with_native_roots()?.with_no_client_auth())
}

/// For connections that are not over TLS at all.
pub fn trusting_nobody() -> ClientConfig {
    building()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

fn building() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has what TLS 1.2 and 1.3 need")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
