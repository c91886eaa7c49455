//! Connections that are encrypted, to servers that prove who they are.

use std::fs;
use std::path::Path;

use redis::{ClientTlsConfig, TlsCertificates};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;

use super::options::TlsOptions;
use crate::{Error, ErrorKind, Result};

/// Reads the files that the options name.
pub(super) fn certificates(options: &TlsOptions) -> Result<TlsCertificates> {
    let client_tls = match (&options.certificate, &options.key) {
        (Some(certificate), Some(key)) => Some(ClientTlsConfig {
            client_cert: read(certificate)?,
            client_key: read(key)?,
        }),
        (None, None) => None,
        _ => return Err(config("cert and key belong together")),
    };
    // The application may have chosen one; more than one may be compiled in.
    if CryptoProvider::get_default().is_none() {
        // Whoever was faster has chosen.
        let _ = default_provider().install_default();
    }
    Ok(TlsCertificates {
        client_tls,
        root_cert: options.ca.as_deref().map(read).transpose()?,
    })
}

/// A PEM file with something in it: an empty one would trust nobody.
fn read(path: &Path) -> Result<Vec<u8>> {
    let text = fs::read(path).map_err(|error| config(format!("{}: {error}", path.display())))?;
    if !text.windows(MARK.len()).any(|part| part == MARK) {
        return Err(config(format!("{} is no PEM file", path.display())));
    }
    Ok(text)
}

const MARK: &[u8] = b"-----BEGIN ";

fn config(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, "redis", "use the TLS options").with_source(what.into())
}
