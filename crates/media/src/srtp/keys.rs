//! SRTP protection profiles and master keys (RFC 3711, RFC 6188, RFC 7714).
//!
//! Where keys come from is the leg's affair: a DTLS handshake (RFC 5764 §4.2), or SDP (RFC 4568).

use std::fmt;

use rtc_srtp::protection_profile::ProtectionProfile;

/// A negotiated SRTP protection profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SrtpProfile {
    Aes128CmSha1_80,
    /// Tags of SRTP have 32 bits, those of SRTCP 80.
    Aes128CmSha1_32,
    Aes256CmSha1_80,
    Aes256CmSha1_32,
    AeadAes128Gcm,
    AeadAes256Gcm,
}

impl SrtpProfile {
    /// Its number in the use_srtp extension, if browsers are offered it.
    pub(crate) const fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Aes128CmSha1_80),
            Self::GCM_NUMBER => Some(Self::AeadAes128Gcm),
            _ => None,
        }
    }

    /// The number of AES-GCM in the use_srtp extension (RFC 7714 §14.2).
    pub(crate) const GCM_NUMBER: u16 = 7;

    /// Bytes of the master key.
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 | Self::Aes128CmSha1_32 | Self::AeadAes128Gcm => 16,
            Self::Aes256CmSha1_80 | Self::Aes256CmSha1_32 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    pub(crate) const fn salt_length(self) -> usize {
        match self {
            Self::Aes128CmSha1_80
            | Self::Aes128CmSha1_32
            | Self::Aes256CmSha1_80
            | Self::Aes256CmSha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Bytes that follow the index of an SRTCP packet.
    pub(super) const fn rtcp_tag_length(self) -> usize {
        match self {
            Self::Aes128CmSha1_80
            | Self::Aes128CmSha1_32
            | Self::Aes256CmSha1_80
            | Self::Aes256CmSha1_32 => 10,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 0,
        }
    }

    /// Bytes to export from a handshake: two keys, two salts.
    pub(crate) const fn material_length(self) -> usize {
        2 * (self.key_length() + self.salt_length())
    }

    pub(super) const fn protection(self) -> ProtectionProfile {
        match self {
            Self::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            Self::Aes128CmSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
            Self::Aes256CmSha1_80 => ProtectionProfile::Aes256CmHmacSha1_80,
            Self::Aes256CmSha1_32 => ProtectionProfile::Aes256CmHmacSha1_32,
            Self::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
            Self::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
        }
    }
}

/// The key of one direction. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MasterKey {
    pub(crate) key: Vec<u8>,
    pub(crate) salt: Vec<u8>,
}

impl MasterKey {
    /// Client's and server's key: `client key | server key | client salt | server salt`
    /// (RFC 5764 §4.2).
    pub(crate) fn split(profile: SrtpProfile, material: &[u8]) -> Option<[Self; 2]> {
        if material.len() != profile.material_length() {
            return None;
        }
        let (key, salt) = (profile.key_length(), profile.salt_length());
        let (keys, salts) = material.split_at(2 * key);
        let made = |at: usize| Self {
            key: keys[at * key..][..key].to_vec(),
            salt: salts[at * salt..][..salt].to_vec(),
        };
        Some([made(0), made(1)])
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// Both directions of a leg.
#[derive(Clone, Debug)]
pub(crate) struct SrtpKeys {
    pub(crate) profile: SrtpProfile,
    /// What we send with.
    pub(crate) local: MasterKey,
    /// What the peer sends with.
    pub(crate) remote: MasterKey,
}
