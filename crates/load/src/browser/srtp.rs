//! SRTP of one client (RFC 3711, RFC 7714), as its DTLS handshake gave the keys.
//!
//! The peer is a gateway under measurement, not an attacker: no guards but replay protection.

use bytes::BytesMut;
use rtc_shared::error::Error;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::identity::Identity;

const REPLAY_WINDOW: usize = 64;

/// The SRTP protection profiles that dimpl offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    Aes128CmSha1_80,
    AeadAes128Gcm,
    AeadAes256Gcm,
}

impl Profile {
    fn key_length(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 | Self::AeadAes128Gcm => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    fn salt_length(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    fn protection(self) -> ProtectionProfile {
        match self {
            Self::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            Self::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
            Self::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
        }
    }
}

/// The key of one direction.
pub(super) struct MasterKey {
    key: Vec<u8>,
    salt: Vec<u8>,
}

impl MasterKey {
    /// Client's and server's: `client key | server key | client salt | server salt`.
    pub(super) fn split(profile: Profile, material: &[u8]) -> Option<[Self; 2]> {
        let (keys, salts) = material.split_at_checked(2 * profile.key_length())?;
        let mut keys = keys.chunks_exact(profile.key_length());
        let mut salts = salts.chunks_exact(profile.salt_length());
        let mut next = || {
            Some(Self {
                key: keys.next()?.to_vec(),
                salt: salts.next()?.to_vec(),
            })
        };
        Some([next()?, next()?])
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

/// Both directions.
#[derive(Debug)]
pub(super) struct SrtpKeys {
    pub(super) profile: Profile,
    pub(super) local: MasterKey,
    pub(super) remote: MasterKey,
}

/// Seals and opens packets.
pub(super) struct SrtpSession {
    inbound: Context,
    outbound: Context,
}

impl SrtpSession {
    pub(super) fn new(keys: &SrtpKeys, identity: &Identity) -> Result<Self, Error> {
        let context = |key: &MasterKey, window: Option<usize>| {
            Context::new(
                &key.key,
                &key.salt,
                keys.profile.protection(),
                window.map(srtp_replay_protection),
                window.map(srtcp_replay_protection),
                identity.crypto(),
            )
        };
        Ok(Self {
            inbound: context(&keys.remote, Some(REPLAY_WINDOW))?,
            outbound: context(&keys.local, None)?,
        })
    }

    pub(super) fn open(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.inbound.decrypt_rtp(packet).ok()
    }

    pub(super) fn open_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.inbound.decrypt_rtcp(packet).ok()
    }

    pub(super) fn seal(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.outbound.encrypt_rtp(packet).ok()
    }

    pub(super) fn seal_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.outbound.encrypt_rtcp(packet).ok()
    }
}
