//! What a phone says: RTP, plain or encrypted with keys from SDP (RFC 4568), one address, a few
//! codecs.

use std::net::{IpAddr, SocketAddr};

use super::browser::{direction, milliseconds};
use super::crypto::Crypto;
use super::direction::Direction;
use super::formats::Formats;
use super::lines::{Lines, MediaLine, SdpError, Section};
use super::video::VideoSection;
use crate::endpoints::AddressFamily;
use crate::srtp::SrtpPolicy;

/// A phone's description with one audio section that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneDescription {
    /// All media lines in order.
    pub media: Vec<MediaLine>,
    /// Which of them is the audio.
    pub audio: usize,
    /// The audio's formats, most wanted first.
    pub formats: Formats,
    /// The audio's direction, seen from the phone, as it was written.
    pub direction: Direction,
    /// Where it receives RTP. Not yet judged: see [`AddressPolicy`](super::AddressPolicy).
    pub address: MediaAddress,
    /// Where `a=rtcp` says it receives RTCP.
    pub rtcp: Option<SocketAddr>,
    /// Whether it can do RTCP on the RTP port.
    pub rtcp_mux: bool,
    /// Whether its protocol is `RTP/SAVP`: nothing plain.
    pub secure: bool,
    /// The keys it offers or answers with, those that we can do.
    pub crypto: Vec<Crypto>,
    /// `a=ptime` in milliseconds.
    pub ptime: Option<u16>,
    /// `a=maxptime` in milliseconds.
    pub maxptime: Option<u16>,
    /// Video over RTP that the policy allows.
    pub video: Option<VideoSection>,
}

/// The address of a phone's audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaAddress {
    /// There.
    At(SocketAddr),
    /// The unspecified address: send nothing (hold as of RFC 2543, or a call being set up by a
    /// third party).
    Unspecified,
    /// A host name, another kind of network, or nothing.
    Unusable,
}

/// The family in which a phone has named the address of its audio; `None` where it has named none.
#[must_use]
pub fn address_family(sdp: &[u8]) -> Option<AddressFamily> {
    let phone = PhoneDescription::parse_under(SrtpPolicy::Optional, sdp).ok()?;
    match phone.address {
        MediaAddress::At(address) => Some(address.ip().into()),
        MediaAddress::Unspecified | MediaAddress::Unusable => None,
    }
}

impl PhoneDescription {
    /// Reads a description.
    ///
    /// # Errors
    /// [`SdpError`] when it is none, or has no enabled audio section over plain RTP.
    pub fn parse(sdp: impl AsRef<[u8]>) -> Result<Self, SdpError> {
        Self::parse_under(SrtpPolicy::Off, sdp)
    }

    /// The same where audio may or must be encrypted: of two audio sections, one plain and one
    /// not, that which suits the policy better is the one.
    ///
    /// # Errors
    /// [`SdpError`] when it is none, or has no enabled audio section over RTP; encrypted RTP counts
    /// as such unless the policy is [`SrtpPolicy::Off`].
    pub fn parse_under(policy: SrtpPolicy, sdp: impl AsRef<[u8]>) -> Result<Self, SdpError> {
        Self::from_lines(policy, &Lines::read(sdp.as_ref())?)
    }

    fn from_lines(policy: SrtpPolicy, lines: &Lines) -> Result<Self, SdpError> {
        let enabled = |line: &MediaLine| line.media == "audio" && line.port != 0;
        let find = |usable: fn(&str) -> bool| {
            let mut media = lines.media.iter();
            media.position(|(line, _)| enabled(line) && usable(&line.protocol))
        };
        let with_keys = || {
            lines.media.iter().position(|(line, section)| {
                let usable = enabled(line) && is_secure_rtp(&line.protocol);
                usable && !Crypto::read_all(section.all("crypto")).is_empty()
            })
        };
        let found = match policy {
            SrtpPolicy::Off => find(is_plain_rtp),
            SrtpPolicy::Optional | SrtpPolicy::Required => with_keys()
                .or_else(|| find(is_plain_rtp))
                .or_else(|| find(is_secure_rtp)),
        };
        let Some(audio) = found else {
            return Err(if lines.media.iter().any(|(line, _)| enabled(line)) {
                SdpError::WrongProtocol
            } else {
                SdpError::NoAudio
            });
        };
        let (line, section) = &lines.media[audio];
        let address = media_address(line, section, &lines.session);
        Ok(Self {
            media: lines.media.iter().map(|(line, _)| line.clone()).collect(),
            audio,
            formats: Formats::read(line, section),
            direction: direction(section, &lines.session),
            address,
            rtcp: rtcp_address(section, address.ip()),
            rtcp_mux: section.has("rtcp-mux"),
            secure: is_secure_rtp(&line.protocol),
            crypto: Crypto::read_all(section.all("crypto")),
            ptime: milliseconds(section, "ptime"),
            maxptime: milliseconds(section, "maxptime"),
            video: VideoSection::read(lines, |line, _| {
                let encrypted = policy != SrtpPolicy::Off && is_secure_rtp(&line.protocol);
                line.port != 0 && (is_plain_rtp(&line.protocol) || encrypted)
            }),
        })
    }
}

impl MediaAddress {
    /// The address part, if there is one to send to.
    pub(super) fn ip(self) -> Option<IpAddr> {
        match self {
            Self::At(address) => Some(address.ip()),
            Self::Unspecified | Self::Unusable => None,
        }
    }
}

/// Where a section's media goes: by its own `c=`, else by the session's.
pub(super) fn media_address(
    line: &MediaLine,
    section: &Section,
    session: &Section,
) -> MediaAddress {
    let connection = section.connection.as_ref().or(session.connection.as_ref());
    match connection.and_then(|connection| connection_address(connection)) {
        Some(ip) if ip.is_unspecified() => MediaAddress::Unspecified,
        Some(ip) => MediaAddress::At(SocketAddr::new(ip, line.port)),
        None => MediaAddress::Unusable,
    }
}

fn is_plain_rtp(protocol: &str) -> bool {
    ["RTP/AVP", "RTP/AVPF"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(protocol))
}

pub(super) fn is_secure_rtp(protocol: &str) -> bool {
    ["RTP/SAVP", "RTP/SAVPF"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(protocol))
}

/// `IN IP4 192.0.2.1[/ttl]` or `IN IP6 ...`.
fn connection_address(connection: &str) -> Option<IpAddr> {
    let mut words = connection.split_ascii_whitespace();
    let (network, kind, address) = (words.next()?, words.next()?, words.next()?);
    if !network.eq_ignore_ascii_case("IN") {
        return None;
    }
    let address = address
        .split('/')
        .next()?
        .trim_start_matches('[')
        .trim_end_matches(']');
    let ip: IpAddr = address.parse().ok()?;
    // An IPv6 address labelled IP4 is a mistake that is understood all the same.
    ["IP4", "IP6"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(kind))
        .then_some(ip.to_canonical())
}

/// `a=rtcp:<port> [IN IP4 <address>]` (RFC 3605).
pub(super) fn rtcp_address(section: &Section, ip: Option<IpAddr>) -> Option<SocketAddr> {
    let value = section.first("rtcp")?;
    let (port, connection) = match value.split_once(|c: char| c.is_ascii_whitespace()) {
        Some((port, connection)) => (port, connection_address(connection)),
        None => (value, ip),
    };
    Some(SocketAddr::new(connection?, port.parse().ok()?))
}
