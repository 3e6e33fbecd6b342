//! A page's offer, and what the client needs of the gateway's answer (RFC 8829).
//!
//! The offer has the shape and size of Chromium's for audio only, all four codecs included, so
//! that the gateway has the same work. The far end chooses the codec.

use std::net::SocketAddr;

use media::rtp::Ssrc;
use media::sdp::{BrowserDescription, Setup};
use media::{DtlsRole, Fingerprint};

use crate::browser::{Credentials, Remote};
use crate::codec::Codec;
use crate::generator::VIDEO_PT;

const PROFILE: &str = "UDP/TLS/RTP/SAVPF";
/// The payload types behind that of Opus.
const OTHERS: &str = "63 9 0 8 13 110 126";

/// What an offer is made of.
#[derive(Debug)]
pub struct Offer<'a> {
    /// The client's socket.
    pub address: SocketAddr,
    /// The client's ICE credentials.
    pub credentials: &'a Credentials,
    /// Of the client's certificate.
    pub fingerprint: Fingerprint,
    /// The client's source.
    pub ssrc: Ssrc,
    /// The source of its video, if it has some.
    pub video: Option<Ssrc>,
}

impl Offer<'_> {
    /// The candidate line, as trickled.
    #[must_use]
    pub fn candidate(&self) -> String {
        let (ip, port) = (self.address.ip(), self.address.port());
        let ufrag = &self.credentials.ufrag;
        format!(
            "candidate:1467250027 1 udp 2122260223 {ip} {port} typ host generation 0 \
             ufrag {ufrag} network-id 1"
        )
    }

    /// The description with one codec alone: a phone without it has to be transcoded for.
    #[must_use]
    pub fn text_of(&self, codec: Codec) -> String {
        let all = format!("{PROFILE} {} {OTHERS}", Codec::Opus.payload_type());
        let one = format!("{PROFILE} {}", codec.payload_type());
        self.text().replace(&all, &one)
    }

    /// The description.
    #[must_use]
    pub fn text(&self) -> String {
        let Credentials { ufrag, pwd } = self.credentials;
        let (fingerprint, ssrc) = (self.fingerprint, self.ssrc);
        let stream = "8c5a1b57-8a3e-4c5f-a9f1-0f3b4a2d1e11";
        let track = "3b5a2d5e-1b0a-4a43-9f43-9b1d3c3f1a22";
        let opus = Codec::Opus.payload_type();
        let lines = [
            "v=0".to_owned(),
            format!("o=- {} 2 IN IP4 127.0.0.1", u64::from(ssrc.0) << 20),
            "s=-".to_owned(),
            "t=0 0".to_owned(),
            format!("a=group:BUNDLE 0{}", self.video.map_or("", |_| " 1")),
            "a=extmap-allow-mixed".to_owned(),
            format!("a=msid-semantic: WMS {stream}"),
            format!("m=audio 9 {PROFILE} {opus} {OTHERS}"),
            "c=IN IP4 0.0.0.0".to_owned(),
            "a=rtcp:9 IN IP4 0.0.0.0".to_owned(),
            format!("a=ice-ufrag:{ufrag}"),
            format!("a=ice-pwd:{pwd}"),
            "a=ice-options:trickle".to_owned(),
            format!("a=fingerprint:sha-256 {fingerprint}"),
            "a=setup:actpass".to_owned(),
            "a=mid:0".to_owned(),
            "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level".to_owned(),
            "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time".to_owned(),
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid".to_owned(),
            "a=sendrecv".to_owned(),
            format!("a=msid:{stream} {track}"),
            "a=rtcp-mux".to_owned(),
            "a=rtcp-rsize".to_owned(),
            format!("a=rtpmap:{opus} opus/48000/2"),
            format!("a=rtcp-fb:{opus} transport-cc"),
            format!("a=fmtp:{opus} minptime=10;useinbandfec=1"),
            "a=rtpmap:63 red/48000/2".to_owned(),
            format!("a=fmtp:63 {opus}/{opus}"),
            "a=rtpmap:9 G722/8000".to_owned(),
            "a=rtpmap:0 PCMU/8000".to_owned(),
            "a=rtpmap:8 PCMA/8000".to_owned(),
            "a=rtpmap:13 CN/8000".to_owned(),
            "a=rtpmap:110 telephone-event/48000".to_owned(),
            "a=rtpmap:126 telephone-event/8000".to_owned(),
            format!("a=ssrc:{ssrc} cname:4TOk42mSjXCkVIa6"),
            format!("a=ssrc:{ssrc} msid:{stream} {track}"),
        ];
        let audio = lines.iter().map(|line| format!("{line}\r\n"));
        audio
            .chain(self.video.map(|ssrc| self.video_section(ssrc)))
            .collect()
    }

    fn video_section(&self, ssrc: Ssrc) -> String {
        let Credentials { ufrag, pwd } = self.credentials;
        let (fingerprint, pt) = (self.fingerprint, VIDEO_PT);
        format!(
            "m=video 9 {PROFILE} {pt}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
             a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=ice-options:trickle\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:1\r\n\
             a=sendrecv\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:{pt} VP8/90000\r\n\
             a=rtcp-fb:{pt} goog-remb\r\na=rtcp-fb:{pt} ccm fir\r\na=rtcp-fb:{pt} nack\r\n\
             a=rtcp-fb:{pt} nack pli\r\na=ssrc:{ssrc} cname:4TOk42mSjXCkVIa6\r\n"
        )
    }
}

/// What an answer has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// For the transport.
    pub remote: Remote,
    /// Whether it takes video.
    pub video: bool,
}

impl Answer {
    /// Reads the gateway's answer.
    ///
    /// # Errors
    /// What is missing in it, or that it has not taken the codec the far end answers with.
    pub fn read(sdp: &str, codec: Codec) -> Result<Self, String> {
        let description = BrowserDescription::parse(sdp).map_err(|error| error.to_string())?;
        let taken = description.formats.codec(codec.audio());
        if taken.map(|format| format.pt.number()) != Some(codec.payload_type()) {
            return Err(format!("the answer has no {}", codec.audio().name()));
        }
        let address = sdp.lines().find_map(udp_candidate);
        Ok(Self {
            video: description.video.is_some(),
            remote: Remote {
                address: address.ok_or("the answer has no UDP candidate")?,
                credentials: Credentials {
                    ufrag: description.ufrag.clone(),
                    pwd: description.pwd.clone(),
                },
                fingerprint: description.fingerprint,
                role: match description.setup {
                    Setup::Active => DtlsRole::Server,
                    Setup::Passive => DtlsRole::Client,
                    Setup::Actpass => return Err("an answer must not say actpass".to_owned()),
                },
            },
        })
    }
}

/// `a=candidate:<foundation> <component> udp <priority> <address> <port> typ host …`.
fn udp_candidate(line: &str) -> Option<SocketAddr> {
    let mut words = line.strip_prefix("a=candidate:")?.split_ascii_whitespace();
    let component = words.nth(1)?;
    let transport = words.next()?;
    let ip = words.nth(1)?.parse().ok()?;
    let port = words.next()?.parse().ok()?;
    (component == "1" && transport.eq_ignore_ascii_case("udp")).then(|| SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_gives_the_first_udp_candidate_and_the_role_that_is_left() {
        let answer = Answer::read(&answer("passive"), Codec::Pcmu).expect("complete");
        assert_eq!(
            answer.remote.address,
            SocketAddr::from(([127, 0, 0, 1], 10900))
        );
        assert_eq!(answer.remote.role, DtlsRole::Client);
        assert_eq!(answer.remote.credentials.ufrag, "abcd");
    }

    #[test]
    fn what_an_answer_lacks_is_named() {
        let read = |sdp: String| Answer::read(&sdp, Codec::Pcmu).expect_err("incomplete");
        assert!(read(answer("actpass")).contains("actpass"));
        assert!(read(answer("active").replace("SAVPF 0", "SAVPF 8")).contains("PCMU"));
        assert!(read(answer("active").replace(" udp ", " tcp ")).contains("candidate"));
    }

    fn answer(setup: &str) -> String {
        let fingerprint = Fingerprint([7; 32]);
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             m=audio 10900 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 127.0.0.1\r\n\
             a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\na=rtcp-mux\r\n\
             a=candidate:1 1 udp 2130706431 127.0.0.1 10900 typ host\r\n"
        )
    }
}
