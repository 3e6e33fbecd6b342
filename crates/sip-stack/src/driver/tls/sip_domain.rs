//! Whether a server is the SIP domain we want to reach (RFC 5922 §7).
//!
//! The domain is the one of the URI, before NAPTR and SRV. A `sip:` URI among the
//! certificate's alternative names decides; only if there is none do DNS names count. They
//! are compared whole: no wildcard, no suffix, and never the Common Name.

use tokio_rustls::rustls;
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime,
};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, RootCertStore};
use webpki::EndEntityCert;

/// Verifies a certificate, with its intermediates, against these authorities and the domain.
pub(super) fn verify(
    (end_entity, intermediates): (&CertificateDer<'_>, &[CertificateDer<'_>]),
    domain: &ServerName<'_>,
    roots: &RootCertStore,
    now: UnixTime,
    algorithms: &[&dyn SignatureVerificationAlgorithm],
) -> Result<(), rustls::Error> {
    let parsed = ParsedCertificate::try_from(end_entity)?;
    verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
    let certificate =
        EndEntityCert::try_from(end_entity).map_err(|_| CertificateError::BadEncoding)?;
    match is_named(&certificate, domain) {
        true => Ok(()),
        false => Err(CertificateError::NotValidForName.into()),
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
