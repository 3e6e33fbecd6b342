//! Our descriptions as text.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::security::Security;
use super::side::{OwnFormat, OwnKind};
use super::video::VideoContent;
use crate::endpoints::{BrowserLocal, PhoneLocal, VideoLocal};
use crate::rtp::Ssrc;
use crate::sdp::{AUDIO_LEVEL, Direction, MediaLine, Setup};

/// ICE priority of the first host candidate (RFC 8445 §5.1.2.1); each further one is one lower in
/// its local preference.
const HOST_PRIORITY: u32 = 2_130_706_431;
/// The number of the header extension for levels in offers of ours: the only one there.
pub(super) const AUDIO_LEVEL_NUMBER: u8 = 1;

/// The same of passive TCP candidates, below all UDP (RFC 6544 §4.2): type preference 90,
/// direction preference 4.
const TCP_PRIORITY: u32 = (90 << 24) | (((4 << 13) | 0x1fff) << 8) | 255;

/// A description of ours on a phone leg. Its origin lives as long as the dialog: the version
/// counts up whenever the text changes (RFC 3264 §8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhoneText {
    /// The last version that the far end has seen, and what it said but for the `o=` line.
    version: u64,
    content: String,
    /// What is in force.
    pub(super) text: String,
}

/// What a description to a phone says.
pub(super) struct PhoneContent<'a> {
    pub(super) local: &'a PhoneLocal,
    /// All media lines of the exchange; only the audio and this video are enabled.
    pub(super) media: &'a [MediaLine],
    pub(super) audio: usize,
    pub(super) video: Option<&'a VideoContent>,
    pub(super) formats: &'a [OwnFormat],
    pub(super) direction: Direction,
    pub(super) ptime: Option<u16>,
    pub(super) maxptime: Option<u16>,
    pub(super) rtcp_mux: bool,
    pub(super) security: &'a Security,
}

impl PhoneText {
    /// The next description of a dialog whose last one was `previous`.
    pub(super) fn next(previous: Option<&Self>, content: &PhoneContent<'_>) -> Self {
        let body = content.body();
        let version = match previous {
            None => 1,
            Some(previous) if previous.content == body => previous.version,
            Some(previous) => previous.version + 1,
        };
        let session = content.local.session_id;
        let ip = content.local.rtp.ip();
        let text = format!(
            "v=0\r\no=- {session} {version} IN {}\r\n{body}",
            Address(ip)
        );
        Self {
            version,
            content: body,
            text,
        }
    }

    /// The far end has seen `refused`, so that the next text must have another version.
    pub(super) fn withdraw(&mut self, refused: &Self) {
        self.version = refused.version;
        self.content.clone_from(&refused.content);
    }
}

impl PhoneContent<'_> {
    fn body(&self) -> String {
        let PhoneLocal { rtp, rtcp, .. } = self.local;
        let mut body = format!("s=-\r\nc=IN {}\r\nt=0 0\r\n", Address(rtp.ip()));
        for (index, line) in self.media.iter().enumerate() {
            if let Some((video, local)) = self.video_at(index) {
                self.video_section(&mut body, line, video, local);
                continue;
            }
            if index != self.audio {
                body.push_str(&line.refusal());
                continue;
            }
            media_line(&mut body, rtp.port(), &line.protocol, self.formats);
            for crypto in &self.security.lines {
                line_of(&mut body, format_args!("a=crypto:{crypto}"));
            }
            rtpmaps(&mut body, self.formats);
            packet_times(&mut body, self.ptime, self.maxptime);
            rtcp_of(&mut body, *rtp, *rtcp, self.rtcp_mux);
            line_of(&mut body, format_args!("a={}", self.direction));
        }
        body
    }

    fn video_at(&self, index: usize) -> Option<(&VideoContent, VideoLocal)> {
        let video = self.video.filter(|video| video.line == index)?;
        Some((video, self.local.video_leg()?))
    }

    fn video_section(
        &self,
        body: &mut String,
        line: &MediaLine,
        video: &VideoContent,
        VideoLocal { rtp, rtcp, .. }: VideoLocal,
    ) {
        video.write_media_line(body, rtp.port(), &line.protocol);
        video.write_bandwidth(body);
        for crypto in &video.security.lines {
            line_of(body, format_args!("a=crypto:{crypto}"));
        }
        video.write_formats(body);
        video.write_feedback(body);
        rtcp_of(body, rtp, rtcp, video.rtcp_mux);
        line_of(body, format_args!("a={}", video.direction));
    }
}

/// Where RTCP goes, when it is not the next port of the same address.
fn rtcp_of(body: &mut String, rtp: SocketAddr, rtcp: SocketAddr, mux: bool) {
    if mux {
        body.push_str("a=rtcp-mux\r\n");
    }
    if rtcp.ip() != rtp.ip() {
        line_of(
            body,
            format_args!("a=rtcp:{} IN {}", rtcp.port(), Address(rtcp.ip())),
        );
    } else if Some(rtcp.port()) != rtp.port().checked_add(1) {
        line_of(body, format_args!("a=rtcp:{}", rtcp.port()));
    }
}

/// What a description to a browser says.
pub(super) struct BrowserContent<'a> {
    pub(super) local: &'a BrowserLocal,
    /// All media lines of the exchange with their mids; only the audio and this video are enabled.
    pub(super) media: &'a [(MediaLine, Option<String>)],
    pub(super) audio: usize,
    pub(super) video: Option<&'a VideoContent>,
    /// Whether the audio is in a BUNDLE group.
    pub(super) bundle: bool,
    pub(super) setup: Setup,
    pub(super) formats: &'a [OwnFormat],
    pub(super) direction: Direction,
    pub(super) ptime: Option<u16>,
    pub(super) maxptime: Option<u16>,
    /// The number of the header extension in which the browser may say how loud it is (RFC 6464).
    pub(super) audio_level: Option<u8>,
}

/// A description of ours on a browser leg. Its origin lives as long as the call: the version
/// counts up whenever the text changes (RFC 8829 §5.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BrowserText {
    version: u64,
    pub(super) text: String,
}

impl BrowserText {
    /// The next description of a session whose last one was `previous`.
    pub(super) fn next(previous: Option<&Self>, content: &BrowserContent<'_>) -> Self {
        let of_version = |version| Self {
            version,
            text: content.text(version),
        };
        let Some(previous) = previous else {
            return of_version(1);
        };
        let same = of_version(previous.version);
        if same.text == previous.text {
            same
        } else {
            of_version(previous.version + 1)
        }
    }
}

impl BrowserContent<'_> {
    fn text(&self, version: u64) -> String {
        let local = self.local;
        let default = self.default();
        let mut text = format!(
            "v=0\r\no=- {} {version} IN {}\r\ns=-\r\nt=0 0\r\n",
            local.session_id,
            Address(default.ip())
        );
        let enabled = self
            .media
            .iter()
            .enumerate()
            .filter(|(index, _)| *index == self.audio || self.video_at(*index).is_some());
        let mids: Vec<&str> = enabled.filter_map(|(_, (_, mid))| mid.as_deref()).collect();
        if self.bundle && !mids.is_empty() {
            line_of(&mut text, format_args!("a=group:BUNDLE {}", mids.join(" ")));
        }
        text.push_str("a=ice-lite\r\n");
        line_of(
            &mut text,
            format_args!("a=msid-semantic: WMS {}", local.msid),
        );
        for (index, (line, mid)) in self.media.iter().enumerate() {
            if let Some(video) = self.video_at(index) {
                self.video_section(&mut text, line, mid.as_deref(), video);
                continue;
            }
            if index != self.audio {
                text.push_str(&line.refusal());
                text.push_str("c=IN IP4 0.0.0.0\r\n");
                self.mid(&mut text, mid.as_deref());
                text.push_str("a=inactive\r\n");
                continue;
            }
            media_line(&mut text, default.port(), &line.protocol, self.formats);
            self.connection(&mut text);
            self.of_bundle(&mut text, mid.as_deref(), self.direction);
            if let Some(number) = self.audio_level {
                line_of(&mut text, format_args!("a=extmap:{number} {AUDIO_LEVEL}"));
            }
            rtpmaps(&mut text, self.formats);
            packet_times(&mut text, self.ptime, self.maxptime);
            self.source(&mut text, local.ssrc, "audio", self.direction);
            self.candidates(&mut text);
        }
        text
    }

    fn video_at(&self, index: usize) -> Option<&VideoContent> {
        self.video
            .filter(|video| video.line == index && self.bundle && index != self.audio)
    }

    fn video_section(
        &self,
        text: &mut String,
        line: &MediaLine,
        mid: Option<&str>,
        video: &VideoContent,
    ) {
        video.write_media_line(text, self.default().port(), &line.protocol);
        self.connection(text);
        video.write_bandwidth(text);
        self.of_bundle(text, mid, video.direction);
        video.write_formats(text);
        video.write_feedback(text);
        self.source(text, self.local.video_ssrc(), "video", video.direction);
        self.candidates(text);
    }

    /// What every section of the bundle says of the one transport.
    fn of_bundle(&self, text: &mut String, mid: Option<&str>, direction: Direction) {
        self.mid(text, mid);
        line_of(text, format_args!("a={direction}"));
        text.push_str("a=rtcp-mux\r\n");
        self.transport(text);
    }

    fn connection(&self, text: &mut String) {
        line_of(text, format_args!("c=IN {}", Address(self.default().ip())));
    }

    /// The default destination: the first candidate.
    fn default(&self) -> SocketAddr {
        let first = self.local.addrs.first().copied();
        first.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 9)))
    }

    fn mid(&self, text: &mut String, mid: Option<&str>) {
        if let Some(mid) = mid {
            line_of(text, format_args!("a=mid:{mid}"));
        }
    }

    fn transport(&self, text: &mut String) {
        let local = self.local;
        line_of(text, format_args!("a=ice-ufrag:{}", local.ufrag));
        line_of(text, format_args!("a=ice-pwd:{}", local.pwd));
        line_of(
            text,
            format_args!("a=fingerprint:sha-256 {}", local.fingerprint),
        );
        line_of(text, format_args!("a=setup:{}", self.setup.as_str()));
    }

    /// The source is named whether we send or not: RTCP has it anyway, and Chromium connects a
    /// source that was gone for a while to nothing that listens (its track stays silent).
    fn source(&self, text: &mut String, ssrc: Ssrc, medium: &str, direction: Direction) {
        let BrowserLocal { cname, msid, .. } = self.local;
        if direction.sends() {
            line_of(text, format_args!("a=msid:{msid} {msid}-{medium}"));
        }
        line_of(text, format_args!("a=ssrc:{ssrc} cname:{cname}"));
        line_of(
            text,
            format_args!("a=ssrc:{ssrc} msid:{msid} {msid}-{medium}"),
        );
    }

    fn candidates(&self, text: &mut String) {
        for (index, addr) in (0..).zip(&self.local.addrs) {
            let priority = HOST_PRIORITY - (index << 8);
            let (ip, port) = (addr.ip(), addr.port());
            let foundation = index + 1;
            line_of(
                text,
                format_args!("a=candidate:{foundation} 1 udp {priority} {ip} {port} typ host"),
            );
        }
        let udp = self.local.addrs.len() as u32;
        for (index, addr) in (0..).zip(&self.local.tcp) {
            let priority = TCP_PRIORITY - (index << 8);
            let (ip, port) = (addr.ip(), addr.port());
            let foundation = udp + index + 1;
            line_of(
                text,
                format_args!(
                    "a=candidate:{foundation} 1 tcp {priority} {ip} {port} typ host tcptype passive"
                ),
            );
        }
        text.push_str("a=end-of-candidates\r\n");
    }
}

/// The network and address of `c=` and `o=` lines, behind `IN`.
struct Address(IpAddr);

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => write!(f, "IP4 {ip}"),
            IpAddr::V6(ip) => write!(f, "IP6 {ip}"),
        }
    }
}

fn line_of(text: &mut String, line: std::fmt::Arguments<'_>) {
    write!(text, "{line}\r\n").expect("writing to a String does not fail");
}

fn media_line(text: &mut String, port: u16, protocol: &str, formats: &[OwnFormat]) {
    write!(text, "m=audio {port} {protocol}").expect("writing to a String does not fail");
    for format in formats {
        write!(text, " {}", format.pt).expect("writing to a String does not fail");
    }
    text.push_str("\r\n");
}

fn rtpmaps(text: &mut String, formats: &[OwnFormat]) {
    for OwnFormat { pt, kind } in formats {
        match kind {
            OwnKind::Audio(codec, fmtp) => {
                let (name, clock_rate) = (codec.name(), codec.clock_rate());
                match codec.channels() {
                    Some(channels) => {
                        line_of(
                            text,
                            format_args!("a=rtpmap:{pt} {name}/{clock_rate}/{channels}"),
                        );
                    }
                    None => line_of(text, format_args!("a=rtpmap:{pt} {name}/{clock_rate}")),
                }
                if let Some(fmtp) = fmtp {
                    line_of(text, format_args!("a=fmtp:{pt} {fmtp}"));
                }
            }
            OwnKind::Event(clock) => {
                line_of(
                    text,
                    format_args!("a=rtpmap:{pt} telephone-event/{}", clock.rate()),
                );
                line_of(text, format_args!("a=fmtp:{pt} 0-15"));
            }
            OwnKind::ComfortNoise => line_of(text, format_args!("a=rtpmap:{pt} CN/8000")),
        }
    }
}

fn packet_times(text: &mut String, ptime: Option<u16>, maxptime: Option<u16>) {
    if let Some(ptime) = ptime {
        line_of(text, format_args!("a=ptime:{ptime}"));
    }
    if let Some(maxptime) = maxptime {
        line_of(text, format_args!("a=maxptime:{maxptime}"));
    }
}
