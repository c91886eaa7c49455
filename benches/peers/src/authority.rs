//! A certificate authority of the test's own.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::{Peer, tool};

/// Signs certificates for servers; its files go with it.
#[derive(Debug)]
pub struct Authority(TempDir);

impl Authority {
    /// A new one that nobody trusts yet.
    ///
    /// # Panics
    ///
    /// When `openssl` is not installed.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        let this = Self(Peer::folder());
        // No two have the same name.
        let subject = format!(
            "/CN={}",
            this.0.path().file_name().unwrap_or_default().display()
        );
        this.openssl(&[
            "req",
            "-x509",
            "-days",
            "2",
            "-subj",
            &subject,
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-addext",
            "keyUsage=critical,keyCertSign",
        ]);
        this
    }

    /// Its own certificate, for those who are to trust it.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.0.path().join("ca.pem")
    }

    /// The certificate and the key of a server, named as in
    /// `IP:127.0.0.1` or `DNS:localhost`.
    ///
    /// # Panics
    ///
    /// When `openssl` refuses.
    #[track_caller]
    #[must_use]
    pub fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let file: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let (certificate, key) = (format!("{file}.pem"), format!("{file}.key"));
        self.openssl(&[
            "req",
            "-x509",
            "-days",
            "2",
            "-subj",
            "/CN=server",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-keyout",
            &key,
            "-out",
            &certificate,
            "-addext",
            &format!("subjectAltName={name}"),
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]);
        (self.0.path().join(certificate), self.0.path().join(key))
    }

    #[track_caller]
    fn openssl(&self, arguments: &[&str]) {
        let done = Command::new(tool("openssl", "openssl"))
            .args(arguments)
            .args([
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-noenc",
            ])
            .current_dir(self.0.path())
            .output()
            .expect("openssl starts");
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "openssl {arguments:?}: {errors}");
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
