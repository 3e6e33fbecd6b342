//! SRTP master keys as a DTLS handshake exports them (RFC 5764 §4.2, RFC 7714 §12).

use std::fmt;

/// A negotiated SRTP protection profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SrtpProfile {
    Aes128CmSha1_80,
    AeadAes128Gcm,
}

impl SrtpProfile {
    /// Its number in the use_srtp extension.
    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::Aes128CmSha1_80 => 1,
            Self::AeadAes128Gcm => 7,
        }
    }

    pub(crate) const fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Aes128CmSha1_80),
            7 => Some(Self::AeadAes128Gcm),
            _ => None,
        }
    }

    const fn salt_length(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 => 14,
            Self::AeadAes128Gcm => 12,
        }
    }

    /// Bytes to export: two keys, two salts.
    pub(crate) const fn material_length(self) -> usize {
        2 * (KEY_LENGTH + self.salt_length())
    }
}

const KEY_LENGTH: usize = 16;

/// The key of one direction. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MasterKey {
    pub(crate) key: Vec<u8>,
    pub(crate) salt: Vec<u8>,
}

impl MasterKey {
    /// Client's and server's key: `client key | server key | client salt | server salt`.
    pub(crate) fn split(profile: SrtpProfile, material: &[u8]) -> Option<[Self; 2]> {
        if material.len() != profile.material_length() {
            return None;
        }
        let (keys, salts) = material.split_at(2 * KEY_LENGTH);
        let made = |at: usize| Self {
            key: keys[at * KEY_LENGTH..][..KEY_LENGTH].to_vec(),
            salt: salts[at * profile.salt_length()..][..profile.salt_length()].to_vec(),
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
