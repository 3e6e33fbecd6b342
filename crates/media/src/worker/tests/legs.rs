//! All legs of a worker on virtual time: sockets are a record, nothing waits.

mod addresses;
mod encrypted;
mod faults;
mod harness;
mod silence;

use self::harness::{BROWSER, Call, PHONE, PHONE_SSRC, SECOND, phone_remote, voice};
use super::{pcmu, transcoded};
use crate::endpoints::{PhoneRemote, Ssrc};
use crate::event::{LegEvent, LegFailure};
use crate::rtp::Pt;
use crate::simulate::{BROWSER_SSRC, CheckKind, rtp_packet};
use crate::transcode::DEADLY;
use crate::video::{Feedback, VideoCodec, VideoEnd, VideoRelay};
use crate::worker::egress::Channel;
use crate::worker::mailbox::{Command, LegId};

#[test]
fn reports_reach_both_ends_every_few_seconds() {
    let mut call = Call::connected();
    for _ in 0..1000 {
        call.talk();
    }
    let reports = call.browser.rtcp.len();
    assert!((2..=8).contains(&reports), "{reports} in 20 s");
    let to_phone = call.sent_to_phone(Channel::Rtcp);
    assert!((2..=8).contains(&to_phone.len()), "{}", to_phone.len());
    for report in call.browser.rtcp.iter().chain(&to_phone) {
        assert!(matches!(report[1], 200 | 201), "SR or RR first");
    }
}

#[test]
fn what_the_far_end_reports_is_in_the_counters() {
    let mut call = Call::connected();
    for _ in 0..10 {
        call.talk();
    }
    let mut report = vec![0x81, 201, 0, 7];
    report.extend(BROWSER_SSRC.0.to_be_bytes());
    report.extend(call.local.ssrc.0.to_be_bytes());
    report.extend([0, 0, 0, 3]);
    report.extend([0; 16]);
    let sealed = call.browser.seal_rtcp(&report);
    call.receive(&sealed);
    assert_eq!(call.stats(BROWSER).lost_at_peer, 3);
}

#[test]
fn rtp_is_relayed_and_rtcp_ends_here() {
    let mut call = Call::connected();
    for _ in 0..10 {
        call.talk();
    }
    let mut report = vec![0x80, 201, 0, 1];
    report.extend(BROWSER_SSRC.0.to_be_bytes());
    let sealed = call.browser.seal_rtcp(&report);
    call.receive(&sealed);
    assert_eq!(call.stats(BROWSER).dropped, Default::default());
    assert_eq!(call.sent_to_phone(Channel::Rtp).len(), 10);
    assert_eq!(call.browser.rtp.len(), 10);
    assert!(!call.sent_to_phone(Channel::Rtcp).contains(&report));
}

#[test]
fn lost_consent_ends_the_leg_and_frees_its_way() {
    let mut call = Call::connected();
    call.advance(31 * SECOND);
    let expired = LegEvent::Failed(LegFailure::ConsentExpired);
    assert!(call.browser_events().contains(&expired));
    let before = call.legs.strangers();
    let late = call.browser.seal_rtp(&voice(BROWSER_SSRC, 900));
    call.receive(&late);
    assert_eq!(call.legs.strangers(), before + 1, "nobody's any more");
    let check = call.browser.check(&call.local, CheckKind::Nominating);
    call.receive(&check);
    assert_eq!(call.legs.strangers(), before + 2);
    call.phone_says(1);
    assert!(call.stats(PHONE).dropped.not_open >= 1);
    call.close_both();
    assert_eq!(call.legs.counts(), (0, 0, 0));
}

#[test]
fn first_bytes_20_to_63_are_dtls() {
    let mut call = Call::connected();
    let before = call.legs.strangers();
    for first in 20..=63 {
        call.receive(&[first; 40]);
    }
    assert_eq!(call.legs.strangers(), before);
    for first in [4, 19, 64, 127, 192, 255] {
        call.receive(&[first; 40]);
    }
    assert_eq!(call.legs.strangers(), before + 6);
    assert_eq!(call.browser_events().last(), Some(&LegEvent::Connected));
}

#[test]
fn a_new_phone_leg_takes_the_place_of_the_old_one() {
    let mut call = Call::connected();
    call.talk();
    let ssrc = call.local.ssrc;
    let new_phone = call.open_phone(LegId(9));
    call.command(Command::SetPhoneRemote(LegId(9), Some(phone_remote())));
    call.command(Command::Bridge {
        browser: BROWSER,
        phone: LegId(9),
        relay: Box::new(pcmu()),
    });
    let heard = call.browser.rtp.len();
    call.phone_says(50);
    assert_eq!(
        call.browser.rtp.len(),
        heard,
        "the old phone is off the line"
    );
    call.phone_key = new_phone;
    call.phone_ssrc = Ssrc(0x0908_0706);
    call.phone_says(7000);
    assert_eq!(call.browser.rtp.len(), heard + 1);
    let packets: Vec<&Vec<u8>> = call.browser.rtp.iter().rev().take(2).collect();
    let sequence = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
    assert_eq!(sequence(packets[0]), sequence(packets[1]).wrapping_add(1));
    assert_eq!(packets[0][8..12], ssrc.0.to_be_bytes(), "the same source");
}

#[test]
fn a_panic_of_a_decoder_ends_the_phones_leg_and_the_browser_gets_another_phone() {
    let mut call = Call::connected();
    call.bridge(transcoded(20));
    for _ in 0..10 {
        call.talk();
    }
    let mut deadly = rtp_packet(0, 500, PHONE_SSRC, DEADLY);
    let (key, now) = (call.phone_key, call.now);
    let (channel, from) = (Channel::Rtp, phone_remote().rtp);
    let sockets = &mut call.sockets;
    call.legs
        .handle_phone_datagram(key, channel, &mut deadly, from, now, sockets);
    call.pass();
    let panicked = LegEvent::Failed(LegFailure::Panicked);
    assert!(call.phone_heard.contains(&panicked));
    assert!(!call.browser_events().contains(&panicked));
    call.command_close(PHONE);
    call.phone_key = call.open_phone(PHONE);
    call.command(Command::SetPhoneRemote(PHONE, Some(phone_remote())));
    call.bridge(transcoded(20));
    let before = (
        call.browser.rtp.len(),
        call.sent_to_phone(Channel::Rtp).len(),
    );
    for _ in 0..50 {
        call.talk();
    }
    assert!(call.browser.rtp.len() > before.0 + 40);
    assert!(call.sent_to_phone(Channel::Rtp).len() > before.1 + 40);
}

#[test]
fn srtp_rolls_over_in_both_directions() {
    let mut call = Call::connected();
    for _ in 0..70_000 {
        call.talk();
        call.sockets.sent.clear();
        call.browser.rtcp.clear();
    }
    assert_eq!(call.browser.rtp.len(), 70_000);
    assert_eq!(call.stats(PHONE).sent.packets, 70_000);
}

#[test]
fn a_phone_leg_that_has_failed_is_not_joined_again() {
    let mut call = Call::connected();
    call.talk();
    call.legs.give_up(PHONE, call.now, &mut call.sockets);
    let sent = call.sent_to_phone(Channel::Rtp).len();
    call.bridge(pcmu());
    for _ in 0..50 {
        call.browser_says();
    }
    assert_eq!(call.sent_to_phone(Channel::Rtp).len(), sent);
    call.close_both();
}

#[test]
fn a_phone_that_is_heard_is_sent_all_its_video_in_whatever_order_that_is_known() {
    const VIDEO: LegId = LegId(3);
    let all = |call: &mut Call, video: usize| {
        let source = &mut call.legs.phones[video].source;
        (0..10_000).all(|_| source.rtp_destination(1_200).is_some())
    };
    for heard_first in [true, false] {
        let mut call = Call::connected();
        if heard_first {
            call.phone_says(1);
        }
        let video = call.open_phone(VIDEO);
        let remote = PhoneRemote {
            rtp: "198.51.100.7:9002".parse().expect("address"),
            ..phone_remote()
        };
        call.command(Command::SetPhoneRemote(VIDEO, Some(remote)));
        call.command(Command::BridgeVideo {
            browser: BROWSER,
            phone: VIDEO,
            relay: Box::new(vp8()),
        });
        if !heard_first {
            call.phone_says(1);
        }
        assert!(all(&mut call, video));
        let elsewhere = PhoneRemote {
            rtp: "198.51.100.66:9002".parse().expect("address"),
            ..remote
        };
        call.command(Command::SetPhoneRemote(VIDEO, Some(elsewhere)));
        assert!(!all(&mut call, video), "somebody else");
        call.command(Command::SetPhoneRemote(VIDEO, Some(remote)));
        assert!(all(&mut call, video));
    }
}

fn vp8() -> VideoRelay {
    let number = Pt::new(96).expect("seven bits");
    let end = VideoEnd {
        receive: [number, number],
        send: number,
        open: true,
        limit: None,
        feedback: Feedback::OURS,
    };
    VideoRelay {
        codec: VideoCodec::Vp8,
        browser: end,
        phone: end,
    }
}
