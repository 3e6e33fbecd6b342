//! Phones, and those who would like to be one.

use super::*;
use crate::rtp::{Pt, RtpTimestamp};

const FRAME: Duration = Duration::from_millis(20);
const UNHEARD: Duration = Duration::from_secs(60);
/// Bytes of a packet of 20 ms of G.711.
const AUDIO: usize = 172;
const VIDEO: usize = 1_200;

struct Leg {
    check: SourceCheck,
    now: Instant,
}

struct Sender {
    source: SocketAddr,
    ssrc: Ssrc,
    sequence: u16,
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn phone_at(text: &str) -> PhoneRemote {
    let rtp = address(text);
    let rtcp = SocketAddr::new(rtp.ip(), rtp.port() + 1);
    PhoneRemote {
        rtp,
        rtcp: Some(rtcp),
        mux: false,
        srtp: None,
    }
}

fn sender(source: &str, ssrc: u32) -> Sender {
    Sender {
        source: address(source),
        ssrc: Ssrc(ssrc),
        sequence: 1_000,
    }
}

impl Leg {
    fn new(signalled: &str) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the origin of a test's virtual time"
        )]
        let now = Instant::now();
        let mut check = SourceCheck::new(UNHEARD);
        check.set_remote(Some(phone_at(signalled)), now);
        Self { check, now }
    }

    fn hear(&mut self, sender: &mut Sender) -> Verdict {
        sender.sequence = sender.sequence.wrapping_add(1);
        let header = Header {
            marker: false,
            payload_type: Pt::PCMU,
            sequence: SeqNo(sender.sequence),
            timestamp: RtpTimestamp(0),
            ssrc: sender.ssrc,
            payload: 12..12,
        };
        self.check.handle_rtp(sender.source, &header, self.now)
    }

    /// `count` frames of one sender; how many passed.
    fn hear_many(&mut self, sender: &mut Sender, count: usize) -> usize {
        let mut passed = 0;
        for _ in 0..count {
            self.now += FRAME;
            passed += usize::from(self.hear(sender) != Verdict::Stranger);
        }
        passed
    }
}

#[test]
fn the_signalled_address_is_heard_at_once_and_nobody_else_any_more() {
    let mut leg = Leg::new("192.0.2.7:4000");
    let (mut phone, mut thief) = (sender("192.0.2.7:4000", 1), sender("198.51.100.66:4000", 2));
    assert_eq!(leg.hear(&mut phone), Verdict::Accept);
    for _ in 0..1_000 {
        leg.now += FRAME;
        assert_eq!(leg.hear(&mut thief), Verdict::Stranger);
        assert_eq!(leg.hear(&mut phone), Verdict::Accept);
    }
    assert_eq!(leg.check.rtp_destination(AUDIO), Some(phone.source));
    assert_eq!(
        leg.check.rtcp_destination(),
        Some(address("192.0.2.7:4001"))
    );
}

#[test]
fn a_spray_before_the_phones_first_packet_injects_nothing_and_catches_nothing() {
    let mut leg = Leg::new("192.0.2.7:4000");
    let mut phone = sender("192.0.2.7:4000", 1);
    let mut thieves: Vec<Sender> = (1..200)
        .map(|n| sender(&format!("198.51.100.{n}:4000"), 100 + n))
        .collect();
    // The phone's first word comes 300 ms behind its answer.
    for _ in 0..15 {
        leg.now += FRAME;
        for thief in &mut thieves {
            for _ in 0..10 {
                assert_eq!(leg.hear(thief), Verdict::Stranger);
            }
        }
        assert_eq!(leg.check.rtp_destination(AUDIO), Some(phone.source));
    }
    assert_eq!(leg.hear(&mut phone), Verdict::Accept);
    for thief in &mut thieves {
        assert_eq!(leg.hear_many(thief, 100), 0);
    }
}

#[test]
fn a_phone_behind_a_nat_is_learned_from_a_few_packets() {
    let mut leg = Leg::new("192.168.1.20:4000");
    let mut phone = sender("203.0.113.99:61234", 1);
    assert_eq!(
        leg.check.rtp_destination(AUDIO),
        Some(address("192.168.1.20:4000"))
    );
    assert_eq!(leg.hear_many(&mut phone, 4), 0);
    leg.now += FRAME;
    assert_eq!(leg.hear(&mut phone), Verdict::Learned);
    assert_eq!(leg.hear(&mut phone), Verdict::Accept);
    assert_eq!(leg.check.rtp_destination(AUDIO), Some(phone.source));

    // Its RTCP comes from another port of the same machine.
    assert_eq!(leg.check.rtcp_destination(), None);
    assert!(leg.check.handle_rtcp(address("203.0.113.99:61235")));
    assert_eq!(
        leg.check.rtcp_destination(),
        Some(address("203.0.113.99:61235"))
    );
    assert!(!leg.check.handle_rtcp(address("198.51.100.66:61235")));

    let mut thief = sender("198.51.100.66:4000", 2);
    assert_eq!(leg.hear_many(&mut thief, 1_000), 0);
}

#[test]
fn a_phone_that_sends_from_elsewhere_is_learned_once_the_signalled_address_stays_silent() {
    let mut leg = Leg::new("192.0.2.7:4000");
    let mut phone = sender("203.0.113.99:61234", 1);
    let passed = leg.hear_many(&mut phone, 100);
    assert_eq!(passed, 100 - 25, "all but half a second");
    let mut same_machine = sender("192.0.2.7:9999", 1);
    let mut leg = Leg::new("192.0.2.7:4000");
    assert_eq!(
        leg.hear_many(&mut same_machine, 100),
        96,
        "another port of it is soon believed"
    );
}

#[test]
fn the_signalled_address_takes_back_what_another_source_learned() {
    let mut leg = Leg::new("192.168.1.20:4000");
    let (mut thief, mut phone) = (
        sender("198.51.100.66:4000", 2),
        sender("192.168.1.20:4000", 1),
    );
    leg.hear_many(&mut thief, 10);
    assert_eq!(leg.check.rtp_destination(AUDIO), Some(thief.source));
    assert_eq!(leg.hear(&mut phone), Verdict::Accept);
    assert_eq!(leg.check.rtp_destination(AUDIO), Some(phone.source));
    assert_eq!(leg.hear_many(&mut thief, 100), 0);
}

#[test]
fn nothing_is_learned_later_than_the_first_seconds() {
    let mut leg = Leg::new("192.168.1.20:4000");
    leg.now += LEARNING + FRAME;
    let mut thief = sender("198.51.100.66:4000", 2);
    assert_eq!(leg.hear_many(&mut thief, 1_000), 0);
    // Until signalling speaks again of a phone that was never heard.
    leg.check
        .set_remote(Some(phone_at("192.168.1.20:4000")), leg.now);
    let mut phone = sender("203.0.113.99:61234", 1);
    assert!(leg.hear_many(&mut phone, 10) > 0);
}

#[test]
fn random_packets_convince_nobody() {
    let mut leg = Leg::new("192.168.1.20:4000");
    let mut sprayer = sender("198.51.100.66:4000", 2);
    for count in 0..400_u16 {
        leg.now += FRAME;
        sprayer.sequence = count.wrapping_mul(25_000);
        assert_eq!(leg.hear(&mut sprayer), Verdict::Stranger);
        sprayer.sequence = 7;
        sprayer.ssrc = Ssrc(u32::from(count));
        assert_eq!(leg.hear(&mut sprayer), Verdict::Stranger);
    }
}

#[test]
fn hold_and_resume_open_no_door() {
    let mut leg = Leg::new("192.0.2.7:4000");
    let (mut phone, mut thief) = (sender("192.0.2.7:4000", 1), sender("198.51.100.66:4000", 2));
    leg.hear(&mut phone);
    leg.check.set_remote(None, leg.now);
    assert_eq!(
        (
            leg.check.rtp_destination(AUDIO),
            leg.check.rtcp_destination()
        ),
        (None, None)
    );
    assert_eq!(leg.hear_many(&mut thief, 500), 0);
    assert_eq!(leg.hear(&mut phone), Verdict::Accept, "music on hold");
    leg.check
        .set_remote(Some(phone_at("192.0.2.7:4000")), leg.now);
    assert_eq!(leg.hear_many(&mut thief, 500), 0);
    assert_eq!(leg.check.rtp_destination(AUDIO), Some(phone.source));
}

#[test]
fn signalling_moves_the_leg_to_another_address() {
    let mut leg = Leg::new("192.0.2.7:4000");
    let (mut old, mut new) = (sender("192.0.2.7:4000", 1), sender("192.0.2.8:5000", 2));
    leg.hear(&mut old);
    leg.check
        .set_remote(Some(phone_at("192.0.2.8:5000")), leg.now);
    assert_eq!(leg.check.rtp_destination(AUDIO), Some(new.source));
    assert_eq!(leg.hear(&mut new), Verdict::Accept);
    assert_eq!(leg.hear_many(&mut old, 100), 0);
}

#[test]
fn a_source_is_followed_to_a_new_address_only_by_its_own_numbers() {
    let mut leg = Leg::new("192.168.1.20:4000");
    let mut phone = sender("203.0.113.99:61234", 1);
    leg.hear_many(&mut phone, 50);
    let mut moved = Sender {
        source: address("203.0.113.99:50001"),
        ..phone
    };
    let mut phone = sender("203.0.113.99:61234", 1);
    phone.sequence = moved.sequence;

    // Not while the old address speaks.
    for _ in 0..100 {
        leg.now += FRAME;
        assert_eq!(leg.hear(&mut phone), Verdict::Accept);
        assert_eq!(leg.hear(&mut moved), Verdict::Stranger);
    }
    // Not by a stranger's numbers, however long the silence.
    leg.now += GONE;
    let mut thief = sender("198.51.100.66:4000", 2);
    assert_eq!(leg.hear_many(&mut thief, 500), 0);
    let mut guessing = Sender {
        source: thief.source,
        ssrc: Ssrc(1),
        sequence: 40_000,
    };
    assert_eq!(leg.hear_many(&mut guessing, 500), 0);
    // But by its own.
    moved.sequence = phone.sequence + 60;
    assert_eq!(leg.hear_many(&mut moved, 10), 6);
    assert_eq!(leg.check.rtp_destination(AUDIO), Some(moved.source));
}

#[test]
fn nobody_is_flooded_by_being_named() {
    let mut leg = Leg::new("192.0.2.7:4000");
    let sent = (0..10_000)
        .filter(|_| leg.check.rtp_destination(AUDIO).is_some())
        .count();
    let most = 16_000 * UNHEARD.as_secs() as usize;
    assert!(most - sent * AUDIO < AUDIO, "{sent} packets");
    assert!(sent > 50 * UNHEARD.as_secs() as usize, "audio of a minute");
    assert!(!leg.check.is_heard());
    assert_eq!(leg.check.rtcp_destination(), None);
    // Naming him again gives no more.
    leg.check
        .set_remote(Some(phone_at("192.0.2.7:4000")), leg.now);
    assert_eq!(leg.check.rtp_destination(AUDIO), None);
    // A phone that only listens, but reports, is there.
    assert!(leg.check.handle_rtcp(address("192.0.2.7:4001")));
    assert!(leg.check.rtp_destination(AUDIO).is_some());
    assert!(leg.check.is_heard());
}

#[test]
fn who_is_named_for_video_gets_no_more_bytes_than_for_audio() {
    let mut leg = Leg::new("192.0.2.7:4000");
    let sent = (0..100_000)
        .filter(|_| leg.check.rtp_destination(VIDEO).is_some())
        .count();
    assert!(sent * VIDEO <= 16_000 * UNHEARD.as_secs() as usize);
    // The rest of it is no loophole.
    while leg.check.rtp_destination(1).is_some() {}
    assert_eq!(leg.check.rtcp_destination(), None);
}

#[test]
fn the_audio_of_a_machine_vouches_for_its_video() {
    let mut video = Leg::new("192.0.2.7:5000");
    let mut audio = Leg::new("192.0.2.7:4000");
    assert_eq!(audio.check.heard_from(), None);
    audio.hear(&mut sender("192.0.2.7:4000", 1));
    let machine = audio.check.heard_from().expect("heard");
    video
        .check
        .vouch_for("192.0.2.8".parse().expect("an address"));
    while video.check.rtp_destination(VIDEO).is_some() {}
    video.check.vouch_for(machine);
    let sent = (0..100_000).filter(|_| video.check.rtp_destination(VIDEO).is_some());
    assert_eq!(sent.count(), 100_000);
    // Named elsewhere, it begins anew.
    video
        .check
        .set_remote(Some(phone_at("198.51.100.66:5000")), video.now);
    while video.check.rtp_destination(VIDEO).is_some() {}
}

#[test]
fn with_one_port_for_both_reports_go_where_the_media_goes() {
    let mut leg = Leg::new("192.168.1.20:4000");
    let rtp = address("192.168.1.20:4000");
    let remote = PhoneRemote {
        rtp,
        rtcp: Some(rtp),
        mux: true,
        srtp: None,
    };
    leg.check.set_remote(Some(remote), leg.now);
    let mut phone = sender("203.0.113.99:61234", 1);
    leg.hear_many(&mut phone, 10);
    assert!(leg.check.handle_rtcp(phone.source));
    assert_eq!(leg.check.rtcp_destination(), Some(phone.source));
}

#[test]
fn a_mapped_address_is_the_address() {
    let mut leg = Leg::new("192.0.2.7:4000");
    let mut phone = sender("[::ffff:192.0.2.7]:4000", 1);
    assert_eq!(leg.hear(&mut phone), Verdict::Accept);
}

#[test]
fn nobody_is_heard_before_signalling() {
    let mut leg = Leg::new("192.0.2.7:4000");
    leg.check = SourceCheck::new(UNHEARD);
    let mut phone = sender("192.0.2.7:4000", 1);
    assert_eq!(leg.hear_many(&mut phone, 100), 0);
    assert_eq!(leg.check.rtp_destination(AUDIO), None);
}
