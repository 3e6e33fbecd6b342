//! Whether a phone leg is encrypted, and with which keys (RFC 4568 §5, §7): audio and video each.
//!
//! Required: we offer `RTP/SAVP` and take nothing plain. Optional: we offer `RTP/AVP` with our keys
//! beside it. Phones that know keys answer with theirs, all others pass the lines over and are
//! spoken to in plain RTP; an `RTP/SAVP` offer they would refuse, and every call would have to be
//! placed twice. An answer keeps the protocol of its offer, whatever it is.

use super::Refusal;
use crate::endpoints::PhoneLocal;
use crate::sdp::{Crypto, PhoneDescription, VideoSection};
use crate::srtp::{SdesKeys, SrtpLocal, SrtpPolicy, SrtpProfile};

/// The suites that we offer, most wanted first. The others are taken where they are offered.
const OFFERED: [SrtpProfile; 3] = [
    SrtpProfile::AeadAes128Gcm,
    SrtpProfile::Aes128CmSha1_80,
    SrtpProfile::AeadAes256Gcm,
];

/// What a description of ours on a phone leg says of encryption.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Security {
    /// Whether a plain answer will do.
    policy: SrtpPolicy,
    /// Our lines: several in a first offer, the agreed one later, none in plain RTP.
    pub(super) lines: Vec<Crypto>,
}

/// Whether a phone's offer can be answered as far as encryption goes: better known before anybody
/// rings.
///
/// # Errors
/// [`Refusal::NotEncrypted`].
pub fn can_be_encrypted(offer: &PhoneDescription, local: &PhoneLocal) -> Result<(), Refusal> {
    Security::answered(&local.srtp, offer.keying(), None).map(drop)
}

/// What a section of a phone's says of encryption.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keying<'a> {
    /// Nothing plain.
    secure: bool,
    lines: &'a [Crypto],
}

impl PhoneDescription {
    /// What its audio says of encryption.
    pub(super) fn keying(&self) -> Keying<'_> {
        Keying {
            secure: self.secure,
            lines: &self.crypto,
        }
    }
}

impl VideoSection {
    /// What it says of encryption.
    pub(super) fn keying(&self) -> Keying<'_> {
        Keying {
            secure: self.secure,
            lines: &self.crypto,
        }
    }
}

impl Security {
    /// For the first offer on a leg.
    pub(super) fn offered(local: &SrtpLocal) -> Self {
        let policy = local.policy;
        let line = |(tag, profile)| Crypto {
            tag,
            key: local.key(profile),
        };
        let lines = match policy {
            SrtpPolicy::Off => Vec::new(),
            SrtpPolicy::Optional | SrtpPolicy::Required => (1..).zip(OFFERED).map(line).collect(),
        };
        Self { policy, lines }
    }

    /// For a first offer of video beside audio that is settled: where keys may be left out, none
    /// beside audio without. What the phone did not take up there it is not asked for again, and
    /// its signalling may be in the clear.
    pub(super) fn beside(&self, video: &SrtpLocal) -> Self {
        match video.policy {
            SrtpPolicy::Optional if !self.is_encrypted() => Self {
                policy: video.policy,
                lines: Vec::new(),
            },
            SrtpPolicy::Off | SrtpPolicy::Optional | SrtpPolicy::Required => Self::offered(video),
        }
    }

    /// Of what is settled: whether it is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        !self.lines.is_empty()
    }

    /// The protocol of the first offer on a leg.
    pub(super) fn protocol(&self) -> &'static str {
        match self.policy {
            SrtpPolicy::Off | SrtpPolicy::Optional => "RTP/AVP",
            SrtpPolicy::Required => "RTP/SAVP",
        }
    }

    /// Answers what a phone offers: its first line that we can do, with our key of that suite.
    ///
    /// In mid-call a key that is not in use just now may have been before, with numbers that have
    /// gone on since: a phone that comes back to encryption or to a suite is given another, made
    /// for the key that it brings.
    ///
    /// # Errors
    /// [`Refusal::NotEncrypted`] if it has to be encrypted and the phone offers no key of use.
    pub(super) fn answered(
        local: &SrtpLocal,
        offer: Keying<'_>,
        before: Option<&Self>,
    ) -> Result<(Self, Option<SdesKeys>), Refusal> {
        let policy = local.policy;
        let theirs = match policy {
            SrtpPolicy::Off => None,
            SrtpPolicy::Optional | SrtpPolicy::Required => offer.lines.first(),
        };
        let Some(theirs) = theirs else {
            return match policy {
                SrtpPolicy::Required => Err(Refusal::NotEncrypted),
                SrtpPolicy::Off | SrtpPolicy::Optional if offer.secure => {
                    Err(Refusal::NotEncrypted)
                }
                SrtpPolicy::Off | SrtpPolicy::Optional => {
                    let lines = Vec::new();
                    Ok((Self { policy, lines }, None))
                }
            };
        };
        let profile = theirs.key.profile();
        let key = match before {
            None => local.key(profile),
            Some(before) => {
                let mut lines = before.lines.iter();
                let in_use = lines.find(|line| line.key.profile() == profile);
                let in_use = in_use.map(|line| line.key);
                in_use.unwrap_or_else(|| local.key_beside(&theirs.key))
            }
        };
        let tag = theirs.tag;
        let ours = Crypto { tag, key };
        let keys = SdesKeys {
            local: ours.key,
            remote: theirs.key,
        };
        let lines = vec![ours];
        Ok((Self { policy, lines }, Some(keys)))
    }

    /// Takes a phone's answer to our description: the line that it has chosen, by its tag.
    ///
    /// # Errors
    /// [`Refusal::NotEncrypted`] if it has to be encrypted and the phone has not chosen a line of
    /// ours.
    pub(super) fn settled(
        mut self,
        answer: Keying<'_>,
    ) -> Result<(Self, Option<SdesKeys>), Refusal> {
        let chosen = answer.lines.iter().find_map(|theirs| {
            let ours = self.lines.iter().find(|ours| {
                ours.tag == theirs.tag && ours.key.profile() == theirs.key.profile()
            })?;
            Some((*ours, *theirs))
        });
        match chosen {
            Some((ours, theirs)) => {
                let keys = SdesKeys {
                    local: ours.key,
                    remote: theirs.key,
                };
                self.lines = vec![ours];
                Ok((self, Some(keys)))
            }
            None if answer.secure || self.policy == SrtpPolicy::Required => {
                Err(Refusal::NotEncrypted)
            }
            None => {
                self.lines.clear();
                Ok((self, None))
            }
        }
    }
}
