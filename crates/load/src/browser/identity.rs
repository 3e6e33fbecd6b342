//! The clients' DTLS identity: one certificate for all of them, made at start.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use dimpl::{Config, DtlsCertificate};
use media::Fingerprint;
use rtc_crypto::{RTCCrypto, RTCCryptoProvider};

/// Before a flight is repeated, doubling: Chromium's.
const FIRST_GAP: Duration = Duration::from_millis(50);
const REPEATS: usize = 9;

/// Certificate, key and handshake settings.
pub struct Identity {
    provider: Arc<dyn RTCCryptoProvider>,
    fingerprint: Fingerprint,
    certificate: DtlsCertificate,
    dtls: Arc<Config>,
}

impl Identity {
    /// Makes a certificate.
    ///
    /// # Errors
    /// When the cryptographic provider cannot be had.
    pub fn generate() -> io::Result<Self> {
        let provider = rtc_crypto::default_provider().map_err(io::Error::other)?;
        let made = rcgen::generate_simple_self_signed(vec!["load".to_owned()]);
        let made = made.map_err(io::Error::other)?;
        let certificate = DtlsCertificate {
            certificate: made.cert.der().to_vec(),
            private_key: made.signing_key.serialize_der(),
        };
        let dtls = Config::builder()
            .flight_start_rto(FIRST_GAP)
            .flight_retries(REPEATS)
            .use_server_cookie(false)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            provider,
            fingerprint: Fingerprint::of(&certificate.certificate),
            certificate,
            dtls: Arc::new(dtls),
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

    pub(super) fn dtls(&self) -> Arc<Config> {
        self.dtls.clone()
    }

    pub(super) fn certificate(&self) -> DtlsCertificate {
        self.certificate.clone()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
