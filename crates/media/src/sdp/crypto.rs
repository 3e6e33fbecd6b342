//! `a=crypto` (RFC 4568 §9.1): one suite with the key of who writes it.
//!
//! A line that asks for what we do not do is passed over, as if it were of an unknown suite: a
//! master key identifier in every packet, more than one key, a key derivation rate, plain SRTP or
//! SRTCP, forward error correction. A lifetime is read over: our keys and theirs live as long as
//! the call, which ends long before 2^48 packets.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::srtp::{SdesKey, SrtpProfile};

/// With or without padding, as phones write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Lines of one media section that are looked at.
const MAX_LINES: usize = 16;

const SUITES: [(&str, SrtpProfile); 6] = [
    ("AES_CM_128_HMAC_SHA1_80", SrtpProfile::Aes128CmSha1_80),
    ("AES_CM_128_HMAC_SHA1_32", SrtpProfile::Aes128CmSha1_32),
    ("AES_256_CM_HMAC_SHA1_80", SrtpProfile::Aes256CmSha1_80),
    ("AES_256_CM_HMAC_SHA1_32", SrtpProfile::Aes256CmSha1_32),
    ("AEAD_AES_128_GCM", SrtpProfile::AeadAes128Gcm),
    ("AEAD_AES_256_GCM", SrtpProfile::AeadAes256Gcm),
];

/// A line of a suite that we have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crypto {
    /// By which an answer says what it has chosen.
    pub(crate) tag: u32,
    /// The key that the writer sends with.
    pub(crate) key: SdesKey,
}

impl Crypto {
    /// The lines of a media section that we can do, in their order. A tag counts once.
    pub(super) fn read_all<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Self> {
        let mut lines: Vec<Self> = Vec::new();
        for line in values.take(MAX_LINES).filter_map(Self::parse) {
            if lines.iter().all(|known| known.tag != line.tag) {
                lines.push(line);
            }
        }
        lines
    }

    /// Reads the value behind `a=crypto:`; `None` for what is malformed or asks for what we do
    /// not do.
    fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let (tag, suite, key) = (words.next()?, words.next()?, words.next()?);
        let is_tag = tag.len() <= 9 && tag.bytes().all(|byte| byte.is_ascii_digit());
        if !is_tag || !words.all(is_harmless) {
            return None;
        }
        let mut suites = SUITES.iter();
        let (_, profile) = suites.find(|(name, _)| name.eq_ignore_ascii_case(suite))?;
        Some(Self {
            tag: tag.parse().ok()?,
            key: SdesKey::new(*profile, &key_and_salt(key)?)?,
        })
    }
}

/// The value behind `a=crypto:`.
impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = SUITES
            .iter()
            .find(|(_, profile)| *profile == self.key.profile())
            .ok_or(fmt::Error)?;
        let key = base64::engine::general_purpose::STANDARD.encode(self.key.key_and_salt());
        write!(f, "{} {name} inline:{key}", self.tag)
    }
}

/// `inline:<key and salt>[|<lifetime>]`, one of them, without a master key identifier (`|1:4`).
fn key_and_salt(text: &str) -> Option<Vec<u8>> {
    let (method, info) = text.split_once(':')?;
    if !method.eq_ignore_ascii_case("inline") || info.contains(';') {
        return None;
    }
    let mut parts = info.split('|');
    let key = BASE64.decode(parts.next()?).ok()?;
    let (lifetime, more) = (parts.next(), parts.next());
    (lifetime.is_none_or(is_lifetime) && more.is_none()).then_some(key)
}

/// `2^20` or a number.
fn is_lifetime(text: &str) -> bool {
    let number = text.strip_prefix("2^").unwrap_or(text);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a session parameter changes nothing for us: no key derivation, a hint for a window, an
/// extension that may be passed over (RFC 4568 §6.3, §9.1).
fn is_harmless(parameter: &str) -> bool {
    let upper = parameter.to_ascii_uppercase();
    upper == "KDR=0" || upper.starts_with("WSH=") || upper.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thirty bytes.
    const KEY: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn a_line_is_read_and_written_again() {
        let lines = [
            format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}"),
            format!("2 AES_CM_128_HMAC_SHA1_32 {KEY}"),
        ];
        for text in &lines {
            let line = Crypto::parse(text).expect("a line");
            assert_eq!(line.to_string(), *text);
        }
        for (name, profile) in SUITES {
            let length = profile.key_length() + profile.salt_length();
            let key = SdesKey::new(profile, &vec![7; length]).expect("its length");
            let line = Crypto { tag: 9, key };
            assert!(line.to_string().starts_with(&format!("9 {name} inline:")));
            assert_eq!(Crypto::parse(&line.to_string()), Some(line));
            // Keys of a length that leaves room for padding come without it, too.
            let bare = line.to_string().replace('=', "");
            assert_eq!(Crypto::parse(&bare), Some(line));
        }
    }

    #[test]
    fn lifetimes_and_harmless_parameters_are_tolerated() {
        for more in ["|2^20", "|2^31", "|1048576", " WSH=128", " KDR=0", " -x=1"] {
            let text = format!("1 aes_cm_128_hmac_sha1_80 {KEY}{more}");
            assert!(Crypto::parse(&text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_we_do_not_do_is_passed_over() {
        for more in [
            "|2^20|1:4",
            "|1:4",
            "|1:4;inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2:4",
            " UNENCRYPTED_SRTP",
            " UNENCRYPTED_SRTCP",
            " UNAUTHENTICATED_SRTP",
            " FEC_ORDER=FEC_SRTP",
            " FEC_KEY=inline:x",
            " KDR=1",
            " SOMETHING",
        ] {
            let text = format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}{more}");
            assert_eq!(Crypto::parse(&text), None, "{text}");
        }
        for text in [
            "",
            "1",
            "1 AES_CM_128_HMAC_SHA1_80",
            "x AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
            "1234567890 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
            "1 F8_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
            "1 AEAD_AES_256_GCM inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
            "1 AES_CM_128_HMAC_SHA1_80 inline:",
            "1 AES_CM_128_HMAC_SHA1_80 inline:!!!!",
            "1 AES_CM_128_HMAC_SHA1_80 uri:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
        ] {
            assert_eq!(Crypto::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_tag_counts_once_and_lines_are_bounded() {
        let line = format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}");
        let values = std::iter::repeat_n(line.as_str(), 1000);
        assert_eq!(Crypto::read_all(values).len(), 1);
        let many: Vec<_> = (1..=1000)
            .map(|tag| format!("{tag} AES_CM_128_HMAC_SHA1_80 {KEY}"))
            .collect();
        assert_eq!(
            Crypto::read_all(many.iter().map(String::as_str)).len(),
            MAX_LINES
        );
    }
}
