//! The video section of a description: its formats with their parameters and feedback.
//!
//! Only what can be relayed is kept: the codecs of [`VideoCodec`]. Retransmission streams,
//! redundancy and error correction (`rtx`, `red`, `ulpfec`, `flexfec`) are passed over, and so
//! are header extensions and `transport-cc`.

use std::net::SocketAddr;

use super::crypto::Crypto;
use super::direction::Direction;
use super::lines::{Lines, MediaLine, Section};
use super::phone::MediaAddress;
use crate::endpoints::Ssrc;
use crate::rtp::Pt;
use crate::video::{Feedback, VideoCodec};

/// Most formats that are remembered: a browser's many profiles of H.264 among them.
const MAX_FORMATS: usize = 16;

/// A video section that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoSection {
    /// Its place among the media lines.
    pub line: usize,
    /// Its formats, most wanted first; never empty.
    pub formats: Vec<VideoFormat>,
    /// Seen from its writer.
    pub direction: Direction,
    /// The sources it announces (browsers).
    pub ssrcs: Vec<Ssrc>,
    /// Where it receives RTP (phones). Not yet judged.
    pub address: MediaAddress,
    /// Where `a=rtcp` says it receives RTCP (phones).
    pub rtcp: Option<SocketAddr>,
    /// Whether it can do RTCP on the RTP port.
    pub rtcp_mux: bool,
    /// Whether its protocol is `RTP/SAVP`: nothing plain (phones).
    pub secure: bool,
    /// The keys it offers or answers with, those that we can do (phones).
    pub crypto: Vec<Crypto>,
    /// The most bits per second that its writer wants to be sent, by `b=`.
    pub bandwidth: Option<u32>,
}

/// One payload type of a video section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoFormat {
    /// Its number.
    pub pt: Pt,
    /// Its codec.
    pub codec: VideoCodec,
    /// Format parameters, as written behind the payload type.
    pub fmtp: Option<String>,
    /// The feedback it takes.
    pub feedback: Feedback,
}

impl VideoSection {
    /// The first section of `lines` that `usable` accepts and that has a format of ours.
    pub(super) fn read(
        lines: &Lines,
        usable: impl Fn(&MediaLine, &Section) -> bool,
    ) -> Option<Self> {
        let candidates = lines.media.iter().enumerate();
        let mut candidates = candidates
            .filter(|(_, (line, section))| line.media == "video" && usable(line, section));
        candidates.find_map(|(index, (line, section))| {
            let formats = formats(line, section);
            let address = super::phone::media_address(line, section, &lines.session);
            (!formats.is_empty()).then(|| Self {
                line: index,
                formats,
                direction: super::browser::direction(section, &lines.session),
                ssrcs: ssrcs(section),
                address,
                rtcp: super::phone::rtcp_address(section, address.ip()),
                rtcp_mux: section.has("rtcp-mux"),
                secure: super::phone::is_secure_rtp(&line.protocol),
                crypto: Crypto::read_all(section.all("crypto")),
                bandwidth: section
                    .bandwidth
                    .or(lines.session.bandwidth)
                    .filter(|bits| *bits > 0),
            })
        })
    }
}

/// Whether a description has an enabled video section of any kind: a quick look, before anything
/// is read. Port 0 disables a section, but for those that can only be had bundled (RFC 9143 §6).
#[must_use]
pub fn speaks_of_video(sdp: &[u8]) -> bool {
    let mut in_port_zero = false;
    sdp.split(|byte| matches!(byte, b'\r' | b'\n')).any(|line| {
        if line.starts_with(b"m=") {
            let port = line.strip_prefix(b"m=video ");
            in_port_zero = port.is_some_and(is_zero);
            return port.is_some() && !in_port_zero;
        }
        in_port_zero && line == b"a=bundle-only"
    })
}

/// Whether a number begins here that is zero.
fn is_zero(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    let digits = end.and_then(|end| text.get(..end)).unwrap_or(text);
    digits.iter().all(|digit| *digit == b'0')
}

/// The sources that a section announces, but for those of retransmissions (RFC 5576 §4.2,
/// RFC 4588): these are never agreed on.
fn ssrcs(section: &Section) -> Vec<Ssrc> {
    let groups = section.all("ssrc-group");
    let repeats: Vec<Ssrc> = groups
        .filter_map(|group| group.strip_prefix("FID "))
        .filter_map(|group| group.split_ascii_whitespace().nth(1)?.parse().ok())
        .map(Ssrc)
        .collect();
    let mut sources = super::browser::ssrcs(section);
    sources.retain(|source| !repeats.contains(source));
    sources
}

fn formats(line: &MediaLine, section: &Section) -> Vec<VideoFormat> {
    let mut formats: Vec<VideoFormat> = Vec::new();
    for format in super::formats::Formats::read(line, section).iter() {
        let Some(codec) = VideoCodec::from_rtpmap(&format.name, format.clock_rate) else {
            continue;
        };
        if formats.len() < MAX_FORMATS {
            formats.push(VideoFormat {
                pt: format.pt,
                codec,
                fmtp: format.fmtp.clone(),
                feedback: feedback(section, format.pt),
            });
        }
    }
    formats
}

/// `a=rtcp-fb:<pt or *> <kind> [<parameter>]` (RFC 4585 §4.2).
fn feedback(section: &Section, pt: Pt) -> Feedback {
    let mut feedback = Feedback::default();
    for value in section.all("rtcp-fb") {
        let mut words = value.split_ascii_whitespace();
        let of_this = words
            .next()
            .is_some_and(|number| number == "*" || number.parse() == Ok(pt.number()));
        if !of_this {
            continue;
        }
        match (words.next(), words.next()) {
            (Some("nack"), None) => feedback.nack = true,
            (Some("nack"), Some("pli")) => feedback.pli = true,
            (Some("ccm"), Some("fir")) => feedback.fir = true,
            (Some("ccm"), Some("tmmbr")) => feedback.tmmbr = true,
            (Some("goog-remb"), _) => feedback.remb = true,
            _ => {}
        }
    }
    feedback
}

#[cfg(test)]
mod tests {
    use super::super::{BrowserDescription, PhoneDescription};
    use super::*;

    fn phone(video: &str) -> Option<VideoSection> {
        let audio = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n";
        let sdp = format!("{audio}{video}");
        PhoneDescription::parse(sdp).expect("audio is there").video
    }

    #[test]
    fn a_phones_video_is_read_with_its_parameters_and_feedback() {
        let section = phone(
            "m=video 5000 RTP/AVP 97 96 98\r\na=rtpmap:97 H264/90000\r\na=rtpmap:96 vp8/90000\r\n\
             a=rtpmap:98 H263-1998/90000\r\na=fmtp:97 profile-level-id=42e01f\r\na=rtcp-fb:* nack pli\r\n\
             a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 transport-cc\r\na=sendonly\r\n",
        )
        .expect("video");
        let [h264, vp8] = &section.formats[..] else {
            panic!("two formats of ours: {section:?}");
        };
        assert_eq!((h264.codec, vp8.codec), (VideoCodec::H264, VideoCodec::Vp8));
        assert_eq!(h264.fmtp.as_deref(), Some("profile-level-id=42e01f"));
        assert!(h264.feedback.pli && !h264.feedback.fir && vp8.feedback.fir && !vp8.feedback.nack);
        assert_eq!((section.line, section.direction), (1, Direction::SendOnly));
        let at = "192.0.2.1:5000".parse().expect("an address");
        assert_eq!(section.address, MediaAddress::At(at));
    }

    #[test]
    fn video_that_is_disabled_encrypted_or_unknown_is_not_there() {
        for video in [
            "",
            "m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
            "m=video 5000 RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n",
            "m=video 5000 RTP/AVP 34\r\n",
            "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/8000\r\n",
        ] {
            assert_eq!(phone(video), None, "{video}");
        }
        assert!(phone("m=video 5000 RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\n").is_some());
    }

    #[test]
    fn a_description_speaks_of_video_unless_its_section_is_disabled() {
        for (sdp, speaks) in [
            ("v=0\r\nm=audio 4000 RTP/AVP 0\r\n", false),
            ("m=video 5000 RTP/AVP 96\r\n", true),
            ("m=video 0 RTP/AVP 96\r\n", false),
            ("m=video 0/2 RTP/AVP 96\r\na=inactive\r\n", false),
            ("m=video 0 RTP/AVP 96\r\nm=video 5000 RTP/AVP 96\r\n", true),
            (
                "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=bundle-only\r\n",
                true,
            ),
            (
                "m=video 0 RTP/AVP 96\r\nm=text 0 RTP/AVP 98\r\na=bundle-only\r\n",
                false,
            ),
        ] {
            assert_eq!(speaks_of_video(sdp.as_bytes()), speaks, "{sdp}");
        }
    }

    #[test]
    fn a_browsers_video_must_share_the_audios_transport() {
        let read = |group: &str| {
            let fingerprint = crate::Fingerprint([1; 32]);
            let sdp = format!(
                "v=0\r\n{group}a=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 {fingerprint}\r\n\
                 m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=rtcp-mux\r\n\
                 m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=rtcp-mux\r\na=bundle-only\r\n\
                 a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ssrc-group:FID 77 78\r\n\
                 a=ssrc:77 cname:x\r\na=ssrc:78 cname:x\r\n"
            );
            BrowserDescription::parse(sdp).expect("a description").video
        };
        let bundled = read("a=group:BUNDLE 0 1\r\n").expect("bundled");
        assert_eq!(
            (bundled.formats.len(), &bundled.ssrcs[..]),
            (1, &[Ssrc(77)][..])
        );
        assert_eq!(read("a=group:BUNDLE 0\r\n"), None);
        assert_eq!(read(""), None);
    }
}
