//! What each end of a leg tells the other: the facts that travel in SDP.
//!
//! `*Local` is ours, made when a leg is opened; `*Remote` is the peer's, made by
//! the SDP code from an offer or an answer. Nothing here parses or prints SDP.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::srtp::{SdesKeys, SrtpLocal};

/// Synchronisation source of an RTP stream (RFC 3550 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ssrc(pub u32);

impl Ssrc {
    /// Another source of the same end.
    pub(crate) fn beside(self) -> Self {
        Self(self.0 ^ 1)
    }
}

impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// SHA-256 fingerprint of a certificate (RFC 8122 §5), the identity of a DTLS end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, der);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// Reads `AB:CD:…`, 32 pairs of hexadecimal digits in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let mut pairs = text.split(':');
        for byte in &mut bytes {
            let pair = pairs.next().filter(|p| p.len() == 2)?;
            if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        pairs.next().is_none().then_some(Self(bytes))
    }
}

/// `AB:CD:…` in capitals.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let colon = if i == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Which end of the DTLS handshake is ours (RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsRole {
    /// We send the ClientHello: our `a=setup:active`, the peer's `passive`.
    Client,
    /// We wait for it: our `a=setup:passive`, the peer's `active`.
    Server,
}

/// Our end of a browser leg, for the SDP sent to the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserLocal {
    /// ICE user name fragment (RFC 8445 §5.3).
    pub ufrag: String,
    /// ICE password.
    pub pwd: String,
    /// Fingerprint of the process's certificate.
    pub fingerprint: Fingerprint,
    /// Our host candidates (UDP) as browsers reach them, best first; never empty.
    pub addrs: Vec<SocketAddr>,
    /// Our passive TCP candidates (RFC 6544) as browsers reach them, best first.
    pub tcp: Vec<SocketAddr>,
    /// The source of everything we send to this browser.
    pub ssrc: Ssrc,
    /// Our canonical name, in RTCP and `a=ssrc`.
    pub cname: String,
    /// The media stream's identifier in `a=msid`.
    pub msid: String,
    /// Random session identifier of our `o=` line, below 2^62.
    pub session_id: u64,
}

impl BrowserLocal {
    /// The source of the video we send to this browser.
    #[must_use]
    pub fn video_ssrc(&self) -> Ssrc {
        self.ssrc.beside()
    }
}

/// The far end of a browser leg, from its SDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserRemote {
    /// Its certificate must have this fingerprint.
    pub fingerprint: Fingerprint,
    /// What WE are in the DTLS handshake, as offer and answer have settled it.
    pub role: DtlsRole,
    /// Its ICE user name fragment.
    pub ufrag: String,
    /// Its ICE password.
    pub pwd: String,
    /// SSRCs it announced with `a=ssrc`; may be empty.
    pub ssrcs: Vec<Ssrc>,
    /// The number of the header extension in which it says how loud it is (RFC 6464).
    pub audio_level: Option<u8>,
}

/// A family of addresses (RFC 4566 §5.7: `IP4`, `IP6`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFamily {
    /// IPv4.
    Ip4,
    /// IPv6.
    Ip6,
}

impl From<IpAddr> for AddressFamily {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(_) => Self::Ip4,
            IpAddr::V6(_) => Self::Ip6,
        }
    }
}

/// Our end of a phone leg, for the SDP sent to the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneLocal {
    /// Where phones send RTP to, as advertised (even port).
    pub rtp: SocketAddr,
    /// Where phones send RTCP to, as advertised (the next port).
    pub rtcp: SocketAddr,
    /// The source of the audio we send.
    pub ssrc: Ssrc,
    /// Our canonical name in RTCP.
    pub cname: String,
    /// Random session identifier of our `o=` line, below 2^62.
    pub session_id: u64,
    /// Whether its audio is encrypted, and our keys for it.
    pub srtp: SrtpLocal,
    /// Of the leg that carries the call's video, if there may be some.
    pub video: Option<VideoLocal>,
}

impl PhoneLocal {
    /// The leg for video, encrypted as the audio is.
    #[must_use]
    pub(crate) fn video_leg(&self) -> Option<VideoLocal> {
        let video = self.video.clone()?;
        let srtp = video.srtp.under(self.srtp.policy);
        Some(VideoLocal { srtp, ..video })
    }
}

/// Our end of a phone leg that carries video beside another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoLocal {
    /// Where phones send RTP to, as advertised (even port).
    pub rtp: SocketAddr,
    /// Where phones send RTCP to, as advertised (the next port).
    pub rtcp: SocketAddr,
    /// Our keys for it. Whether it is encrypted is the audio's matter.
    pub srtp: SrtpLocal,
}

/// The far end of a phone leg, from its SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneRemote {
    /// Where it receives RTP.
    pub rtp: SocketAddr,
    /// Where it receives RTCP; `None` when it named an address we do not send to.
    pub rtcp: Option<SocketAddr>,
    /// Whether RTCP shares the RTP port (RFC 5761).
    pub mux: bool,
    /// The keys that both ends have told each other; `None`: plain RTP.
    pub srtp: Option<SdesKeys>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_any_case_and_printed_in_capitals() {
        let print = Fingerprint::of(b"certificate");
        let text = print.to_string();
        assert_eq!(text, text.to_uppercase());
        assert_eq!(Fingerprint::parse(&text), Some(print));
        assert_eq!(Fingerprint::parse(&text.to_lowercase()), Some(print));
        let long = format!("{text}:00");
        for bad in [
            "",
            "0A",
            &text[3..],
            &long,
            &text.replacen(&text[..2], "+1", 1),
        ] {
            assert_eq!(Fingerprint::parse(bad), None, "{bad}");
        }
    }
}
