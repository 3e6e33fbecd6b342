//! TLS: whom we are, and whom we believe (RFC 5922, RFC 3261 §26.3).
//!
//! What we show and whom we trust is decided by the domain to be reached, and by nothing
//! else: a stream that is pooled by its verified name is pooled by its client certificate
//! as well.

use std::collections::HashMap;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::config::{TlsConfig, TlsIdentity};
use crate::transport::TransportError;

mod sip_domain;
mod verifier;

use verifier::{ServerVerifier, Trust};

/// Our side of incoming connections.
pub(super) fn acceptor(identity: &TlsIdentity) -> io::Result<TlsAcceptor> {
    let (chain, key) = load(identity)?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&identity.certificates, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Our side of outgoing connections.
pub(super) struct Connectors {
    usual: TlsConnector,
    /// By domain, in lower case.
    special: HashMap<String, TlsConnector>,
}

impl Connectors {
    pub(super) fn new(config: &TlsConfig) -> io::Result<Self> {
        if !config.verify {
            tracing::warn!("certificates of SIP servers are not verified");
        }
        let mut usual_roots = RootCertStore::empty();
        if config.verify {
            usual_roots = system_roots();
            if let Some(path) = &config.extra_authorities {
                add_authorities(&mut usual_roots, path)?;
            }
        }
        let verifier = |roots: RootCertStore| -> Arc<dyn ServerCertVerifier> {
            let trust = match config.verify {
                true => Trust::SipDomain(roots),
                false => Trust::Anybody,
            };
            Arc::new(ServerVerifier::new(trust, provider()))
        };
        let mut special = HashMap::new();
        for domain in &config.domains {
            let roots = match &domain.authorities {
                Some(path) => {
                    let mut roots = RootCertStore::empty();
                    add_authorities(&mut roots, path)?;
                    roots
                }
                None => usual_roots.clone(),
            };
            let connector = connector(verifier(roots), domain.identity.as_ref())?;
            special.insert(domain.name.to_ascii_lowercase(), connector);
        }
        Ok(Self {
            usual: connector(verifier(usual_roots), None)?,
            special,
        })
    }

    /// For connections to this domain.
    pub(super) fn toward(&self, domain: &str) -> TlsConnector {
        let special = self.special.get(&domain.to_ascii_lowercase());
        special.unwrap_or(&self.usual).clone()
    }
}

/// The name to send as SNI and to find in the certificate.
pub(super) fn server_name(domain: &str) -> Result<ServerName<'static>, TransportError> {
    ServerName::try_from(domain.to_owned()).map_err(|_| TransportError::TlsIdentity)
}

/// Tells a wrong certificate from other ways to fail.
pub(super) fn handshake_failure(error: &io::Error) -> TransportError {
    let inner = error.get_ref().and_then(|e| e.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            TransportError::TlsIdentity
        }
        Some(_) | None => TransportError::TlsHandshake,
    }
}

fn connector(
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<&TlsIdentity>,
) -> io::Result<TlsConnector> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let client = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = load(identity)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| unusable(&identity.certificates, &error))?
        }
    };
    Ok(TlsConnector::from(Arc::new(client)))
}

type Loaded = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn load(identity: &TlsIdentity) -> io::Result<Loaded> {
    let chain = CertificateDer::pem_file_iter(&identity.certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(&identity.certificates, &error))?;
    let key = PrivateKeyDer::from_pem_file(&identity.key)
        .map_err(|error| unusable(&identity.key, &error))?;
    Ok((chain, key))
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "an authority of the system cannot be read");
    }
    let (trusted, ignored) = roots.add_parsable_certificates(native.certs);
    tracing::debug!(trusted, ignored, "authorities of the system");
    roots
}

fn add_authorities(roots: &mut RootCertStore, path: &Path) -> io::Result<()> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|e| unusable(path, &e))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|e| unusable(path, &e))?;
        roots.add(certificate).map_err(|e| unusable(path, &e))?;
    }
    Ok(())
}

fn unusable(path: &Path, error: &dyn Display) -> io::Error {
    let text = format!("{}: {error}", path.display());
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
