//! Faults made on a call on virtual time, and what is said of them. What needs a real browser or a
//! real phone is in `e2e/tests/quality.test.mjs`.

use std::net::SocketAddr;

use super::*;
use crate::event::Way;
use crate::quality::{CallFigures, Cause, Dbov, Toward, verdict};

/// Long enough for any verdict.
const PACKETS: u64 = 8 * 50;

impl Call {
    fn figures(&mut self) -> CallFigures {
        let browser = self.stats(BROWSER);
        CallFigures::new(&browser, &self.stats(PHONE))
    }

    fn verdict(&mut self) -> (Cause, Toward) {
        let verdict = verdict(&self.figures());
        (verdict.cause, verdict.toward)
    }

    /// 20 ms in which the phone sends `payload` from `from`, and the browser talks.
    fn phone_sends(&mut self, mut packet: Vec<u8>, from: SocketAddr) {
        self.browser_says();
        let (key, now) = (self.phone_key, self.now);
        let rtp = Channel::Rtp;
        self.legs
            .handle_phone_datagram(key, rtp, &mut packet, from, now, &mut self.sockets);
        self.pass();
    }
}

#[test]
fn a_call_that_talks_is_good_and_measured() {
    let mut call = Call::connected();
    for _ in 0..PACKETS {
        call.talk();
    }
    assert_eq!(call.verdict(), (Cause::Good, Toward::Both));
    let figures = call.figures();
    for way in [figures.to_phone, figures.to_browser] {
        assert_eq!((way.received, way.sent, way.lost), (PACKETS, PACKETS, 0));
        assert!(way.level() > Some(Dbov(-40)), "{:?}", way.level());
        assert!(way.mos() > Some(4.0), "{:?}", way.mos());
    }
}

#[test]
fn packets_that_the_key_does_not_open_are_told_as_such() {
    let mut call = Call::connected();
    for sequence in 0..500 {
        call.advance(SECOND / 50);
        if call.now >= call.last_check + 5 * SECOND {
            call.check();
        }
        let mut sealed = call
            .browser
            .seal_rtp(&voice(BROWSER_SSRC, sequence))
            .to_vec();
        let last = sealed.len() - 1;
        sealed[last] ^= 1;
        call.receive(&sealed);
        call.phone_says(sequence);
    }
    assert_eq!(call.verdict(), (Cause::WrongKey, Toward::Phone));
    assert_eq!(call.figures().to_phone.srtp_failures(), 500);
}

#[test]
fn a_phone_that_sends_nothing_is_told_from_one_that_sends_from_elsewhere() {
    let mut call = Call::connected();
    for _ in 0..PACKETS {
        call.browser_says();
    }
    assert_eq!(call.verdict(), (Cause::Nothing, Toward::Browser));
    let elsewhere = "203.0.113.66:9000".parse().expect("address");
    let mut call = Call::connected();
    for number in 0..500 {
        // No source twice, so that none can be learned.
        let packet = voice(Ssrc(u32::from(number)), number);
        call.phone_sends(packet, elsewhere);
    }
    assert_eq!(call.verdict(), (Cause::SourceMismatch, Toward::Browser));
}

#[test]
fn silence_other_payload_types_and_gaps_are_told() {
    let from = phone_remote().rtp;
    for (payload_type, payload, left_out, cause) in [
        (0, [0xff; 160], 1_000, Cause::Silence),
        (97, [0x55; 160], 1_000, Cause::CodecMismatch),
        (0, [0x55; 160], 5, Cause::Lossy),
    ] {
        let mut call = Call::connected();
        for sequence in 1..500 {
            if sequence % left_out == 0 {
                call.browser_says();
                continue;
            }
            let packet = rtp_packet(payload_type, sequence, PHONE_SSRC, &payload);
            call.phone_sends(packet, from);
        }
        assert_eq!(call.verdict(), (cause, Toward::Browser));
    }
}

#[test]
fn a_held_way_is_told_and_starts_anew_when_it_opens() {
    let mut call = Call::connected();
    for _ in 0..PACKETS {
        call.talk();
    }
    let mut held = pcmu();
    held.to_phone.open = false;
    call.bridge(held);
    call.check_every_five_seconds(60 * SECOND);
    assert_eq!(call.figures().to_phone.way, Way::Closed);
    call.bridge(pcmu());
    for _ in 0..50 {
        call.phone_says(call.sequence);
        call.advance(SECOND / 50);
    }
    let absent = call.figures().to_phone.absent;
    assert!((SECOND / 2..=2 * SECOND).contains(&absent), "{absent:?}");
}
