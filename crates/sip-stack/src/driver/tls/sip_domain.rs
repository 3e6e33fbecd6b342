//! Whether a server is the SIP domain we want to reach (RFC 5922 §7).
//!
//! The domain is the one of the URI, before NAPTR and SRV. A `sip:` URI among the
//! certificate's alternative names decides; only if there is none do DNS names count. They
//! are compared whole: no wildcard, no suffix, and never the Common Name.

use std::sync::Arc;

use tokio_rustls::rustls;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use webpki::EndEntityCert;

/// Verifies servers against these authorities.
#[derive(Debug)]
pub(super) struct SipDomainVerifier {
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl SipDomainVerifier {
    pub(super) fn new(roots: RootCertStore, provider: Arc<CryptoProvider>) -> Self {
        Self { roots, provider }
    }
}

impl ServerCertVerifier for SipDomainVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            algorithms,
        )?;
        let certificate =
            EndEntityCert::try_from(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        match is_named(&certificate, server_name) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::NotValidForName.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn is_named(certificate: &EndEntityCert<'_>, name: &ServerName<'_>) -> bool {
    let ServerName::DnsName(domain) = name else {
        // An address in the URI: RFC 5922 is silent, RFC 6125's way is an iPAddress.
        return certificate.verify_is_valid_for_subject_name(name).is_ok();
    };
    let mut sip_domains = certificate
        .valid_uri_names()
        .filter_map(sip_domain)
        .peekable();
    let same = |presented: &str| presented.eq_ignore_ascii_case(domain.as_ref());
    match sip_domains.peek() {
        Some(_) => sip_domains.any(same),
        None => certificate.valid_dns_names().any(same),
    }
}

/// The domain of a `sip:` URI that names a domain, not a user (RFC 5922 §7.1).
fn sip_domain(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let is_domain = scheme.eq_ignore_ascii_case("sip") && !rest.contains('@');
    is_domain.then_some(rest)
}
