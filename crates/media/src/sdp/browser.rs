//! What a browser says: its offer (outgoing call) or its answer (incoming call).
//!
//! One audio section is found and read, and one of video if it shares the audio's transport; all
//! others are only remembered, so that they can be refused in the right place. Candidates are not read: we are ICE-lite and answer whoever
//! proves the password.

use super::direction::Direction;
use super::formats::Formats;
use super::lines::{Lines, MediaLine, SdpError, Section, is_token};
use super::setup::Setup;
use super::video::VideoSection;
use crate::endpoints::{BrowserRemote, DtlsRole, Fingerprint, Ssrc};

/// A browser's description with exactly one audio section that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserDescription {
    /// All media sections in order: their `m=` lines and `a=mid`.
    pub media: Vec<(MediaLine, Option<String>)>,
    /// Which of them is the audio.
    pub audio: usize,
    /// The audio's formats, most wanted first.
    pub formats: Formats,
    /// The audio's direction, seen from the browser.
    pub direction: Direction,
    /// `a=ptime` in milliseconds.
    pub ptime: Option<u16>,
    /// `a=maxptime` in milliseconds.
    pub maxptime: Option<u16>,
    /// The mids of the BUNDLE group that holds the audio (RFC 9143); empty without one.
    pub bundle: Vec<String>,
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: String,
    /// Of its certificate.
    pub fingerprint: Fingerprint,
    /// `a=setup`. Without one in an offer the role is ours to choose; in an answer it is `passive`
    /// (RFC 4145 §4.1). Both make us the client.
    pub setup: Setup,
    /// The sources that the audio announces (`a=ssrc`).
    pub ssrcs: Vec<Ssrc>,
    /// The number of the header extension in which it says how loud it is (RFC 6464, RFC 8285).
    pub audio_level: Option<u8>,
    /// Video that shares the audio's transport.
    pub video: Option<VideoSection>,
}

/// RFC 6464 §4.
pub(crate) const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
/// Numbers that fit into extensions with one-byte headers (RFC 8285 §4.2).
const EXTENSION_NUMBERS: std::ops::RangeInclusive<u8> = 1..=14;

/// Most sources that are remembered.
const MAX_SSRCS: usize = 16;

impl BrowserDescription {
    /// Reads a description.
    ///
    /// # Errors
    /// [`SdpError`] when it is none, or has no audio section that WebRTC could use.
    pub fn parse(sdp: impl AsRef<[u8]>) -> Result<Self, SdpError> {
        Self::from_lines(&Lines::read(sdp.as_ref())?)
    }

    fn from_lines(lines: &Lines) -> Result<Self, SdpError> {
        let (audio, (line, section)) = lines
            .media
            .iter()
            .enumerate()
            .find(|(_, (line, section))| {
                line.media == "audio" && (line.port != 0 || section.has("bundle-only"))
            })
            .ok_or(SdpError::NoAudio)?;
        if !is_dtls_rtp(&line.protocol) {
            return Err(SdpError::WrongProtocol);
        }
        if !section.has("rtcp-mux") {
            return Err(SdpError::NoRtcpMux);
        }
        let mid = mid(section);
        let bundle = bundle_with(&lines.session, mid.as_deref());
        // What the audio section leaves out stands on session level, or in the section that
        // carries the transport of the whole bundle.
        let tagged = bundle.first().and_then(|tag| {
            let tagged = |(_, section): &&(MediaLine, Section)| section.first("mid") == Some(tag);
            lines.media.iter().find(tagged).map(|(_, section)| section)
        });
        let levels: Vec<&Section> = [Some(section), Some(&lines.session), tagged]
            .into_iter()
            .flatten()
            .collect();
        let attribute = |name: &str| levels.iter().find_map(|level| level.first(name));
        let (Some(ufrag), Some(pwd)) = (attribute("ice-ufrag"), attribute("ice-pwd")) else {
            return Err(SdpError::NoIceCredentials);
        };
        let fingerprint = levels
            .iter()
            .find_map(|level| level.all("fingerprint").find_map(sha256))
            .ok_or(SdpError::NoFingerprint)?;
        let bundled = |section: &Section| {
            let mid = section.first("mid");
            mid.is_some_and(|mid| bundle.iter().any(|member| member == mid))
        };
        let video = VideoSection::read(lines, |line, section| {
            (line.port != 0 || section.has("bundle-only"))
                && is_dtls_rtp(&line.protocol)
                && bundled(section)
        });
        Ok(Self {
            media: lines
                .media
                .iter()
                .map(|(line, section)| (line.clone(), self::mid(section)))
                .collect(),
            audio,
            formats: Formats::read(line, section),
            direction: direction(section, &lines.session),
            ptime: milliseconds(section, "ptime"),
            maxptime: milliseconds(section, "maxptime"),
            bundle,
            ufrag: ufrag.to_owned(),
            pwd: pwd.to_owned(),
            fingerprint,
            setup: attribute("setup")
                .and_then(Setup::parse)
                .unwrap_or(Setup::Actpass),
            ssrcs: ssrcs(section),
            audio_level: audio_level(section),
            video,
        })
    }

    /// What the browser leg needs of it. Where a browser leaves the role to us, we are the DTLS
    /// client: our hello leaves with its first check, a round trip before its own could, and no
    /// browser asks for the cookie that rtc-dtls as a server insists on (RFC 6347 §4.2.1).
    pub fn remote(&self) -> BrowserRemote {
        BrowserRemote {
            fingerprint: self.fingerprint,
            role: match self.setup {
                Setup::Active => DtlsRole::Server,
                Setup::Passive | Setup::Actpass => DtlsRole::Client,
            },
            ufrag: self.ufrag.clone(),
            pwd: self.pwd.clone(),
            ssrcs: self
                .ssrcs
                .iter()
                .chain(self.video.iter().flat_map(|video| &video.ssrcs))
                .copied()
                .collect(),
            audio_level: self.audio_level,
        }
    }
}

/// `UDP/TLS/RTP/SAVPF` and what older browsers write for it (RFC 8829 §5.1.2).
fn is_dtls_rtp(protocol: &str) -> bool {
    [
        "UDP/TLS/RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "RTP/SAVPF",
        "TCP/TLS/RTP/SAVPF",
        "TCP/DTLS/RTP/SAVPF",
    ]
    .iter()
    .any(|known| known.eq_ignore_ascii_case(protocol))
}

/// `a=mid`, when it is something that can be repeated.
fn mid(section: &Section) -> Option<String> {
    section
        .first("mid")
        .filter(|mid| is_token(mid))
        .map(str::to_owned)
}

/// The members of the BUNDLE group that `mid` is in.
fn bundle_with(session: &Section, mid: Option<&str>) -> Vec<String> {
    let groups = session
        .all("group")
        .filter_map(|group| group.strip_prefix("BUNDLE"));
    let members = groups.map(|group| group.split_ascii_whitespace().map(str::to_owned).collect());
    let holds =
        |members: &Vec<String>| mid.is_some_and(|mid| members.iter().any(|member| member == mid));
    members.into_iter().find(holds).unwrap_or_default()
}

fn sha256(value: &str) -> Option<Fingerprint> {
    let (algorithm, fingerprint) = value.split_once(|c: char| c.is_ascii_whitespace())?;
    algorithm
        .eq_ignore_ascii_case("sha-256")
        .then(|| Fingerprint::parse(fingerprint.trim()))?
}

pub(super) fn ssrcs(section: &Section) -> Vec<Ssrc> {
    let mut found: Vec<Ssrc> = Vec::new();
    for value in section.all("ssrc") {
        let number = value
            .split_ascii_whitespace()
            .next()
            .and_then(|word| word.parse().ok());
        if let Some(ssrc) = number.map(Ssrc)
            && !found.contains(&ssrc)
            && found.len() < MAX_SSRCS
        {
            found.push(ssrc);
        }
    }
    found
}

/// `a=extmap:1 urn:…`, where a direction may stand behind the number.
fn audio_level(section: &Section) -> Option<u8> {
    section.all("extmap").find_map(|value| {
        let mut words = value.split_ascii_whitespace();
        let number = words.next()?.split('/').next()?.parse().ok()?;
        let told = words.next()? == AUDIO_LEVEL;
        (told && EXTENSION_NUMBERS.contains(&number)).then_some(number)
    })
}

/// The direction of a section: its own, else the session's, else both ways (RFC 8866 §6.7).
pub(super) fn direction(section: &Section, session: &Section) -> Direction {
    let of = |level: &Section| {
        level
            .attributes
            .iter()
            .find_map(|(name, _)| Direction::from_attribute(name))
    };
    of(section)
        .or_else(|| of(session))
        .unwrap_or(Direction::SendRecv)
}

/// A packet time in whole milliseconds. Some write "20.0".
pub(super) fn milliseconds(section: &Section, name: &str) -> Option<u16> {
    let whole = section.first(name)?.split('.').next()?;
    whole.parse().ok().filter(|ms| (1..=1_000).contains(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str =
        "a=fingerprint:sha-1 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13";

    fn sha256_of(byte: u8) -> String {
        format!("a=fingerprint:SHA-256 {}", Fingerprint([byte; 32]))
    }

    /// A description of these session lines, and one audio section with these.
    fn description(session: &[&str], audio: &[&str]) -> Result<BrowserDescription, SdpError> {
        let mut lines = vec!["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"];
        lines.extend(session);
        lines.push("m=audio 9 UDP/TLS/RTP/SAVPF 0");
        lines.push("a=rtcp-mux");
        lines.extend(audio);
        BrowserDescription::parse(lines.join("\r\n"))
    }

    #[test]
    fn the_audio_section_counts_before_the_session() {
        let (one, two) = (sha256_of(1), sha256_of(2));
        let session = [
            "a=ice-ufrag:sess",
            "a=ice-pwd:sess-pwd",
            "a=setup:passive",
            "a=sendonly",
            &one,
        ];
        let audio = [
            "a=ice-ufrag:audio",
            "a=ice-pwd:audio-pwd",
            "a=recvonly",
            SHA1,
            &two,
        ];
        let read = description(&session, &audio).expect("complete");
        assert_eq!(
            (read.ufrag.as_str(), read.pwd.as_str()),
            ("audio", "audio-pwd")
        );
        assert_eq!(
            (read.direction, read.setup),
            (Direction::RecvOnly, Setup::Passive)
        );
        assert_eq!(read.fingerprint, Fingerprint([2; 32]));
        let read = description(&session, &[]).expect("all on session level");
        assert_eq!(
            (read.ufrag.as_str(), read.direction),
            ("sess", Direction::SendOnly)
        );
        assert_eq!(read.fingerprint, Fingerprint([1; 32]));
    }

    #[test]
    fn a_bundled_section_may_leave_its_transport_to_the_first() {
        let fingerprint = sha256_of(3);
        let sdp = [
            "v=0",
            "a=group:LS a b",
            "a=group:BUNDLE v a",
            "m=video 9 UDP/TLS/RTP/SAVPF 96",
            "a=mid:v",
            "a=ice-ufrag:first",
            "a=ice-pwd:first-pwd",
            &fingerprint,
            "m=audio 0 UDP/TLS/RTP/SAVPF 0",
            "a=bundle-only",
            "a=mid:a",
            "a=rtcp-mux",
            "a=ssrc:7 cname:x",
            "a=ssrc:7 msid:y z",
            "a=ssrc:8 cname:x",
        ];
        let read = BrowserDescription::parse(sdp.join("\n")).expect("bundled");
        assert_eq!((read.audio, read.ufrag.as_str()), (1, "first"));
        assert_eq!(read.bundle, ["v", "a"]);
        assert_eq!(read.ssrcs, [Ssrc(7), Ssrc(8)]);
    }

    #[test]
    fn what_webrtc_needs_must_be_there() {
        let fingerprint = sha256_of(1);
        let ice = ["a=ice-ufrag:u", "a=ice-pwd:p"];
        let missing = |session: &[&str], audio: &[&str]| description(session, audio).map(|_| ());
        assert_eq!(missing(&ice, &[&fingerprint]), Ok(()));
        assert_eq!(
            missing(&ice[..1], &[&fingerprint]),
            Err(SdpError::NoIceCredentials)
        );
        assert_eq!(missing(&ice, &[SHA1]), Err(SdpError::NoFingerprint));
        assert_eq!(
            missing(&ice, &["a=fingerprint:sha-256 AB:CD"]),
            Err(SdpError::NoFingerprint)
        );
        let plain = "v=0\r\nm=audio 9 RTP/AVP 0\r\na=rtcp-mux\r\n";
        assert_eq!(
            BrowserDescription::parse(plain).map(|_| ()),
            Err(SdpError::WrongProtocol)
        );
        let no_mux = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n";
        assert_eq!(
            BrowserDescription::parse(no_mux).map(|_| ()),
            Err(SdpError::NoRtcpMux)
        );
        let silent = "v=0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
        assert_eq!(
            BrowserDescription::parse(silent).map(|_| ()),
            Err(SdpError::NoAudio)
        );
    }

    #[test]
    fn the_extension_for_levels_is_found_by_its_name() {
        let fingerprint = sha256_of(1);
        let number = |extmap: &str| {
            let audio = ["a=ice-ufrag:u", "a=ice-pwd:p", &fingerprint, extmap];
            description(&[], &audio).expect("usable").audio_level
        };
        assert_eq!(number(&format!("a=extmap:3 {AUDIO_LEVEL}")), Some(3));
        let long = format!("a=extmap:14/sendrecv {AUDIO_LEVEL} vad=on");
        assert_eq!(number(&long), Some(14));
        for other in ["15", "0", "x", "300"] {
            assert_eq!(number(&format!("a=extmap:{other} {AUDIO_LEVEL}")), None);
        }
        assert_eq!(
            number("a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid"),
            None
        );
    }

    #[test]
    fn without_setup_the_browser_waits_for_our_hello() {
        let fingerprint = sha256_of(1);
        let ice = ["a=ice-ufrag:u", "a=ice-pwd:p", &fingerprint];
        let read = description(&ice, &[]).expect("usable");
        assert_eq!(read.remote().role, DtlsRole::Client);
    }

    #[test]
    fn a_mid_that_is_no_token_is_not_repeated() {
        let fingerprint = sha256_of(1);
        let ice = ["a=ice-ufrag:u", "a=ice-pwd:p", &fingerprint];
        let read = description(&ice, &["a=mid:0 a=evil"]).expect("usable");
        assert_eq!(read.media[0].1, None);
    }
}
