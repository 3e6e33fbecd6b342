//! What the fuzz targets run, one function for each decoder; the ordinary tests replay their
//! corpora. Each panics if the decoder breaks a promise.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use crate::codec::AudioCodec;
use crate::endpoints::{BrowserLocal, Fingerprint, PhoneLocal, Ssrc, VideoLocal};
use crate::plan::{
    CodecPolicy, KeyPolicy, Policy, Route, Transcoding, accept_browser_answer, accept_phone_answer,
    browser_answer, browser_offer, current_offer, delayed_phone_offer, phone_offer, reinvite,
};
use crate::relay::{
    AudioFormat, EventClock, EventFormat, InBand, Path, PayloadKind, ReceiveMap, SendFormats, Waits,
};
use crate::rewriter::{AUDIO_PACKET_LENGTH, Outcome, Rewriter};
use crate::rtcp::{NtpClock, RtcpSession, feedback};
use crate::rtp::{Header, PacketKind, Pt, RtpTimestamp, SeqNo, packet_kind};
use crate::sdp::{AddressPolicy, BrowserDescription, PhoneDescription};
use crate::srtp::{SrtpLocal, SrtpPolicy};

mod carriage;
mod planning;

pub use self::carriage::{feedback, framing, transcode};
pub use self::planning::{crypto, plan};
pub use crate::browser_leg::fuzz::{browser, check, client_hello, srtp};

/// A browser that has everything, as an offer and as an answer.
const BROWSER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:active\r\na=rtcp-mux\r\n\
    a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:\
    10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n\
    a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
    a=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n";
/// A phone that has everything.
const PHONE: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 96 9 0 8 13 101\r\na=rtpmap:96 opus/48000/2\r\n\
    a=rtpmap:101 telephone-event/8000\r\n";

/// A description, as either side's offer or answer: whatever comes of it is a description again,
/// and an answer has the sections, names and codecs of its offer.
pub fn sdp(bytes: &[u8]) {
    for (transcoding, ptime) in [
        (Transcoding::Never, None),
        (Transcoding::LastResort, None),
        (Transcoding::OpusForBrowsers, Some(30)),
    ] {
        let ours = Ours::new(Route {
            codecs: CodecPolicy::Offerer,
            transcoding,
            ptime,
            keys: KeyPolicy::Auto,
            music: None,
        });
        if let Ok(browser) = BrowserDescription::parse(bytes) {
            ours.meet_browser(&browser);
        }
        if let Ok(phone) = PhoneDescription::parse(bytes) {
            ours.meet_phone(&phone);
        }
    }
}

struct Ours {
    policy: Policy,
    browser: BrowserLocal,
    phone: PhoneLocal,
}

impl Ours {
    fn new(route: Route) -> Self {
        let address = |port| ([203, 0, 113, 1], port).into();
        Self {
            policy: Policy {
                route,
                addresses: AddressPolicy::default(),
            },
            browser: BrowserLocal {
                ufrag: "ufrag".to_owned(),
                pwd: "a-password-of-22-letters".to_owned(),
                fingerprint: Fingerprint([7; 32]),
                addrs: vec![address(50_000)],
                tcp: Vec::new(),
                ssrc: Ssrc(1),
                cname: "cname".to_owned(),
                msid: "msid".to_owned(),
                session_id: 1,
            },
            phone: PhoneLocal {
                rtp: address(40_000),
                rtcp: address(40_001),
                ssrc: Ssrc(2),
                cname: "cname".to_owned(),
                session_id: 2,
                srtp: SrtpLocal::new(SrtpPolicy::Off, [9; 32]),
                video: Some(VideoLocal {
                    rtp: address(40_002),
                    rtcp: address(40_003),
                    srtp: SrtpLocal::new(SrtpPolicy::Off, [8; 32]),
                }),
            },
        }
    }

    fn meet_browser(&self, browser: &BrowserDescription) {
        let phone = PhoneDescription::parse(PHONE).expect("well-formed");
        for offer in [
            phone_offer(browser, &self.policy, &self.phone),
            delayed_phone_offer(browser, &self.policy, &self.phone),
        ] {
            let Ok(offer) = offer else { continue };
            assert_for_phone(offer.text(), 1..=2);
            if let Ok(agreed) = accept_phone_answer(browser, &offer, &phone, &self.policy) {
                let answer = browser_answer(browser, &agreed, &self.browser);
                assert_answer(browser, answer.text());
            }
        }
        let offer = browser_offer(Some(&phone), &self.policy, &self.browser).expect("codecs");
        let agreed = accept_browser_answer(&phone, &offer, browser, &self.policy, &self.phone);
        if let Ok(agreed) = agreed {
            assert_for_phone(agreed.phone_sdp(), 1..=1);
        }
    }

    fn meet_phone(&self, phone: &PhoneDescription) {
        let browser = BrowserDescription::parse(BROWSER).expect("well-formed");
        let sections = phone.media.len();
        if let Ok(offer) = browser_offer(Some(phone), &self.policy, &self.browser) {
            assert_for_browser(offer.text(), 1 + usize::from(phone.video.is_some()));
            let agreed = accept_browser_answer(phone, &offer, &browser, &self.policy, &self.phone);
            if let Ok(agreed) = agreed {
                assert_for_phone(agreed.phone_sdp(), sections..=sections);
            }
        }
        let offer = phone_offer(&browser, &self.policy, &self.phone).expect("codecs");
        if let Ok(agreed) = accept_phone_answer(&browser, &offer, phone, &self.policy) {
            let answer = browser_answer(&browser, &agreed, &self.browser);
            assert_answer(&browser, answer.text());
            assert_for_phone(current_offer(&agreed, &self.phone).text(), 1..=2);
            if let Ok(again) = reinvite(&agreed, phone, &self.policy, &self.phone) {
                assert_eq!(again.codec(), agreed.codec());
                assert_for_phone(again.phone_sdp(), sections..=sections);
                let offer = current_offer(&again, &self.phone);
                assert_for_phone(offer.text(), sections..=sections + 1);
            }
        }
    }
}

fn assert_answer(offer: &BrowserDescription, text: &str) {
    let answer = assert_for_browser(text, offer.media.len());
    let mids = |description: &BrowserDescription| -> Vec<Option<String>> {
        description
            .media
            .iter()
            .map(|(_, mid)| mid.clone())
            .collect()
    };
    assert_eq!(mids(&answer), mids(offer));
    assert_eq!(answer.audio, offer.audio);
    assert_eq!(answer.formats.codecs().count(), 1);
    for format in answer.formats.iter() {
        assert!(offer.formats.iter().any(|offered| offered.pt == format.pt));
    }
}

fn assert_for_browser(text: &str, sections: usize) -> BrowserDescription {
    assert_lines(text);
    let description = BrowserDescription::parse(text).expect("we write what we can read");
    assert_eq!(description.media.len(), sections);
    description
}

fn assert_for_phone(text: &str, sections: RangeInclusive<usize>) {
    assert_lines(text);
    let description = PhoneDescription::parse(text).expect("we write what we can read");
    assert!(sections.contains(&description.media.len()));
}

/// Nothing of the far end's may break out of its line.
fn assert_lines(text: &str) {
    assert!(text.starts_with("v=0\r\no=") && text.ends_with("\r\n"));
    for line in text.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']) && line.as_bytes().get(1) == Some(&b'='));
    }
}

/// A row of RTP packets, each behind one byte of length and one of milliseconds since the last:
/// what leaves is well-formed, and no sequence number leaves twice. The first byte says whether
/// audio is transcoded, and from what to what.
pub fn rtp(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let clock = EventClock::ALL[usize::from(first & 1)];
    let mut now = origin();
    let mut rewriter = Rewriter::new(
        path(clock, *first),
        Ssrc(1),
        SeqNo(65_000),
        RtpTimestamp(u32::MAX),
        now,
    );
    let mut left = HashSet::new();
    for (wait, packet) in rows(rest) {
        now += Duration::from_millis(u64::from(wait) * 4);
        while let Some(due) = rewriter.poll_timeout().filter(|due| *due <= now) {
            rewriter.handle_timeout(due);
            drain(&mut rewriter, due, &mut left);
        }
        let mut packet = packet.to_vec();
        if let Ok(header) = Header::parse(&packet) {
            assert!(header.payload.start >= 12 && header.payload.end <= packet.len());
            let payload = packet[header.payload.clone()].to_vec();
            if let Outcome::Send(range) = rewriter.handle_rtp(&mut packet, &header, now) {
                let sent = assert_sent(&packet[range.clone()], &mut left);
                assert_eq!(packet[range][sent.payload], payload);
            }
            drain(&mut rewriter, now, &mut left);
        }
    }
}

fn drain(rewriter: &mut Rewriter, now: Instant, left: &mut HashSet<u16>) {
    let mut packet = [0; AUDIO_PACKET_LENGTH];
    while let Some(length) = rewriter.poll_audio(&mut packet, now) {
        assert_sent(&packet[..length], left);
    }
    while let Some(packet) = rewriter.poll_transmit() {
        assert_sent(&packet, left);
    }
    while rewriter.poll_event().is_some() {}
}

fn assert_sent(packet: &[u8], left: &mut HashSet<u16>) -> Header {
    assert_eq!(packet[0], 0x80);
    let header = Header::parse(packet).expect("we send RTP");
    assert_eq!((header.ssrc, header.payload.start), (Ssrc(1), 12));
    assert!(left.len() > 50_000 || left.insert(header.sequence.0));
    header
}

fn path(clock: EventClock, choice: u8) -> Path {
    let mut receive = ReceiveMap::new();
    let event = Pt::new(101).expect("seven bits");
    receive.insert(Pt::PCMU, PayloadKind::Audio);
    receive.insert(Pt::CN, PayloadKind::ComfortNoise);
    receive.insert(event, PayloadKind::Event(EventClock::Khz8));
    let codec = match clock {
        EventClock::Khz8 => AudioCodec::Pcmu,
        EventClock::Khz48 => AudioCodec::Opus,
    };
    let format = AudioFormat { codec, ptime: 20 };
    let transcoded = |choice: u8, ptime| AudioFormat {
        codec: AudioCodec::ALL[usize::from(choice & 3)],
        ptime,
    };
    let (from, to) = if choice & 0x80 == 0 {
        (format, format)
    } else {
        (transcoded(choice >> 1, 20), transcoded(choice >> 3, 60))
    };
    Path {
        receive,
        send: SendFormats {
            audio: Pt::PCMA,
            event: Some(EventFormat {
                payload_type: event,
                clock,
            }),
            comfort_noise: None,
        },
        from,
        to,
        in_band: match choice & 0x60 {
            0x20 => InBand::Play,
            0x40 => InBand::Listen,
            _ => InBand::Off,
        },
        open: true,
        waits: Waits::No,
        music: None,
    }
}

/// A compound RTCP packet: it is survived, and our reports afterwards are RTCP.
pub fn rtcp(bytes: &[u8]) {
    let now = origin();
    let clock = NtpClock::new(now, Duration::from_secs(1_800_000_000));
    let mut session = RtcpSession::new(Ssrc(1), "cname".to_owned(), 8_000, clock, 0);
    session.handle_rtcp(bytes, now);
    let read = feedback::wishes(bytes, Ssrc(1), &mut None);
    assert!(read.lost.len() <= bytes.len() * 17 / 4);
    if let Ok(header) = Header::parse(bytes) {
        session.handle_rtp(&header, now);
    }
    let later = now + Duration::from_secs(1);
    let _ = session.handle_timeout(later);
    assert_eq!(packet_kind(&session.bye(later)), PacketKind::Rtcp);
    assert!(
        session
            .statistics()
            .round_trip
            .is_none_or(|trip| trip <= Duration::from_secs(30))
    );
}

/// A target's input as a row of pieces, each behind one byte of length and one byte that is the
/// target's own affair.
pub(crate) fn rows(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let &[length, own, ref behind @ ..] = rest else {
            return None;
        };
        let (piece, behind) = behind.split_at(usize::from(length).min(behind.len()));
        rest = behind;
        Some((own, piece))
    })
}

pub(crate) fn origin() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "the origin of a target's virtual time"
    )]
    Instant::now()
}
