//! The clients' DTLS identity: one certificate for all of them, made at start.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use media::Fingerprint;
use rtc_crypto::{RTCCrypto, RTCCryptoProvider};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

/// rtc-dtls's own retransmission is replaced by ours.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// Both profiles browsers have, in their order (RFC 5764 §4.1.2, RFC 7714 §14.2).
const PROFILES: [SrtpProtectionProfile; 2] = [
    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
    SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
];

/// Certificate, key and handshake settings.
pub struct Identity {
    provider: Arc<dyn RTCCryptoProvider>,
    fingerprint: Fingerprint,
    client: Arc<HandshakeConfig>,
    server: Arc<HandshakeConfig>,
}

impl Identity {
    /// Makes a certificate.
    ///
    /// # Errors
    /// When the cryptographic provider cannot be had.
    pub fn generate() -> io::Result<Self> {
        let provider = rtc_crypto::default_provider().map_err(io::Error::other)?;
        let certificate =
            Certificate::generate_self_signed(vec!["load".to_owned()], provider.crypto())
                .map_err(io::Error::other)?;
        let der = certificate
            .certificate
            .first()
            .ok_or(io::ErrorKind::InvalidData)?;
        let config = |is_client| {
            ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate.clone()])
                .with_srtp_protection_profiles(PROFILES.to_vec())
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                // The gateway's identity is the fingerprint in its SDP; we compare it ourselves.
                .with_insecure_skip_verify(true)
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .with_flight_interval(NEVER)
                .build(is_client, None)
                .map(Arc::new)
                .map_err(io::Error::other)
        };
        Ok(Self {
            fingerprint: Fingerprint::of(der),
            client: config(true)?,
            server: config(false)?,
            provider: provider.clone(),
        })
    }

    /// The certificate's fingerprint, for offers.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(super) fn crypto(&self) -> &dyn RTCCrypto {
        self.provider.crypto()
    }

    pub(super) fn client(&self) -> Arc<HandshakeConfig> {
        self.client.clone()
    }

    pub(super) fn server(&self) -> Arc<HandshakeConfig> {
        self.server.clone()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
