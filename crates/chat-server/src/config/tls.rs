use std::path::{Path, PathBuf};

use serde::Deserialize;

/// TLS without a proxy.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The file of the chain of certificates, as PEM.
    pub cert_file: Option<PathBuf>,
    /// The file of the private key, as PEM.
    pub key_file: Option<PathBuf>,
}

impl Tls {
    /// Both files, if the server speaks TLS.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        Some((self.cert_file.as_deref()?, self.key_file.as_deref()?))
    }

    /// What is wrong with the two together, in one line.
    pub(super) fn contradiction(&self) -> Option<String> {
        let missing = match (&self.cert_file, &self.key_file) {
            (Some(_), None) => "CHAT_TLS__CERT_FILE needs CHAT_TLS__KEY_FILE beside it",
            (None, Some(_)) => "CHAT_TLS__KEY_FILE needs CHAT_TLS__CERT_FILE beside it",
            _ => return None,
        };
        Some(missing.to_owned())
    }
}
