//! Keys that travel in SDP (RFC 4568), and who decides whether there are any.
//!
//! What a line looks like is `sdp`'s business, which one is taken is the plan's.

use std::fmt;

use ring::hmac;

use super::{MasterKey, SrtpProfile};

/// The longest key and salt: AES-256 in counter mode.
const LONGEST: usize = 46;

/// Whether audio on a phone leg is encrypted with keys from SDP (RFC 4568).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SrtpPolicy {
    /// Plain RTP alone; keys that a phone offers are not looked at.
    #[default]
    Off,
    /// Encrypted with phones that are able to: offered as `RTP/AVP` with keys beside it, which
    /// other phones pass over.
    Optional,
    /// Encrypted or not at all.
    Required,
}

/// The key of one direction, with its salt, for one suite. Never printed but in SDP.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SdesKey {
    profile: SrtpProfile,
    bytes: [u8; LONGEST],
}

impl SdesKey {
    /// Key and salt as they stand in SDP; `None` unless they have just the suite's length.
    pub(crate) fn new(profile: SrtpProfile, key_and_salt: &[u8]) -> Option<Self> {
        if key_and_salt.len() != length(profile) {
            return None;
        }
        let mut bytes = [0; LONGEST];
        bytes[..key_and_salt.len()].copy_from_slice(key_and_salt);
        Some(Self { profile, bytes })
    }

    pub(crate) fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// Key and salt as they stand in SDP.
    pub(crate) fn key_and_salt(&self) -> &[u8] {
        &self.bytes[..length(self.profile)]
    }

    pub(crate) fn master(&self) -> MasterKey {
        let (key, salt) = self.key_and_salt().split_at(self.profile.key_length());
        MasterKey {
            key: key.to_vec(),
            salt: salt.to_vec(),
        }
    }
}

impl fmt::Debug for SdesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdesKey")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

const fn length(profile: SrtpProfile) -> usize {
    profile.key_length() + profile.salt_length()
}

/// The keys that both ends of a phone leg have told each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdesKeys {
    /// What we send with.
    pub(crate) local: SdesKey,
    /// What the phone sends with.
    pub(crate) remote: SdesKey,
}

/// Our end of encryption on a phone leg.
///
/// Its keys come from chance that was drawn when the leg was opened: one for each suite, the same
/// in every description of this leg and in that of no other. So an offer that is made again finds
/// the key it knows, whose numbers go on. A phone that comes back to a suite after another one, or
/// after plain RTP, finds a key that belongs to the one it brings.
#[derive(Clone, PartialEq, Eq)]
pub struct SrtpLocal {
    /// What the operator wants on this route.
    pub policy: SrtpPolicy,
    seed: [u8; 32],
}

impl SrtpLocal {
    /// Keys that nobody can guess if `seed` is not guessed. No seed may be used for two legs.
    #[must_use]
    pub fn new(policy: SrtpPolicy, seed: [u8; 32]) -> Self {
        Self { policy, seed }
    }

    /// The same keys where the operator wants something else.
    pub(crate) fn under(self, policy: SrtpPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Our key for a suite.
    pub(crate) fn key(&self, profile: SrtpProfile) -> SdesKey {
        self.key_for(profile, &[])
    }

    /// Our key beside one of the phone's: another for each of those.
    pub(crate) fn key_beside(&self, theirs: &SdesKey) -> SdesKey {
        self.key_for(theirs.profile, theirs.key_and_salt())
    }

    fn key_for(&self, profile: SrtpProfile, theirs: &[u8]) -> SdesKey {
        let chance = hmac::Key::new(hmac::HMAC_SHA256, &self.seed);
        let mut bytes = [0; LONGEST];
        for (part, chunk) in (0_u8..).zip(bytes.chunks_mut(32)) {
            let mut block = hmac::Context::with_key(&chance);
            block.update(&[profile as u8, part]);
            block.update(theirs);
            let block = block.sign();
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        }
        bytes[length(profile)..].fill(0);
        SdesKey { profile, bytes }
    }
}

impl fmt::Debug for SrtpLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpLocal")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_leg_and_by_suite_and_are_never_printed() {
        let leg = SrtpLocal::new(SrtpPolicy::Required, [1; 32]);
        let other = SrtpLocal::new(SrtpPolicy::Required, [2; 32]);
        let (cm, gcm) = (SrtpProfile::Aes128CmSha1_80, SrtpProfile::AeadAes128Gcm);
        assert_eq!(leg.key(cm), leg.key(cm));
        assert_ne!(leg.key(cm), other.key(cm));
        assert_ne!(
            leg.key(cm).key_and_salt()[..16],
            leg.key(gcm).key_and_salt()[..16]
        );
        let beside = leg.key_beside(&other.key(cm));
        assert_eq!(beside, leg.key_beside(&other.key(cm)));
        assert_ne!(beside, leg.key(cm));
        assert_ne!(beside, leg.key_beside(&leg.key(cm)));
        let longest = leg.key(SrtpProfile::Aes256CmSha1_80);
        assert_ne!(longest.key_and_salt()[..14], longest.key_and_salt()[32..]);
        let printed = format!("{leg:?} {longest:?}");
        assert!(!printed.contains('['), "{printed}");
    }
}
