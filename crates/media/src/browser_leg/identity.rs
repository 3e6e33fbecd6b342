//! The process's DTLS identity: one certificate for all legs, and what we agree to.
//!
//! ECDSA P-256, self-signed, made at start: its trust comes from the fingerprint in SDP
//! (RFC 8827 §6.5), not from a chain.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rtc_crypto::{RTCCrypto, RTCCryptoProvider};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use crate::endpoints::Fingerprint;

/// rtc-dtls's own retransmission stalls on a lost flight; the flight repeater replaces it.
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// Except for a client's last flight: a server that has it answers only a Finished under a new
/// record number, since its replay window drops a verbatim repeat.
const RENEWED: Duration = Duration::from_millis(800);

const GCM: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm;
const CM: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80;

/// Certificate, key and handshake settings, shared by all legs.
pub(crate) struct Identity {
    provider: Arc<dyn RTCCryptoProvider>,
    fingerprint: Fingerprint,
    client: Arc<HandshakeConfig>,
    server: Arc<HandshakeConfig>,
    server_gcm: Arc<HandshakeConfig>,
}

impl Identity {
    /// Makes a new certificate.
    pub(crate) fn generate() -> io::Result<Self> {
        let provider = rtc_crypto::default_provider().map_err(io::Error::other)?;
        let certificate =
            Certificate::generate_self_signed(vec!["sylk-gateway".to_owned()], provider.crypto())
                .map_err(io::Error::other)?;
        let der = certificate
            .certificate
            .first()
            .ok_or(io::ErrorKind::InvalidData)?;
        let fingerprint = Fingerprint::of(der);
        let config = |is_client, interval, profiles: &[SrtpProtectionProfile]| {
            ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate.clone()])
                .with_srtp_protection_profiles(profiles.to_vec())
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                // The peer's identity is the fingerprint in its SDP; we compare it ourselves.
                .with_insecure_skip_verify(true)
                .with_server_name("browser".to_owned())
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .with_flight_interval(interval)
                .build(is_client, None)
                .map(Arc::new)
                .map_err(io::Error::other)
        };
        Ok(Self {
            client: config(true, RENEWED, &[GCM, CM])?,
            server: config(false, NEVER, &[GCM, CM])?,
            server_gcm: config(false, NEVER, &[GCM])?,
            provider: provider.clone(),
            fingerprint,
        })
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) fn provider(&self) -> &Arc<dyn RTCCryptoProvider> {
        &self.provider
    }

    pub(crate) fn crypto(&self) -> &dyn RTCCrypto {
        self.provider.crypto()
    }

    pub(crate) fn client(&self) -> Arc<HandshakeConfig> {
        self.client.clone()
    }

    /// rtc-dtls lets the client's order of SRTP profiles win, and browsers put AES-CM first:
    /// where the hello offers AES-GCM, nothing else is on our side of the table.
    pub(crate) fn server(&self, hello_offers_gcm: bool) -> Arc<HandshakeConfig> {
        if hello_offers_gcm {
            self.server_gcm.clone()
        } else {
            self.server.clone()
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
