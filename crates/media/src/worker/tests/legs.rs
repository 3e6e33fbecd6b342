//! All legs of a worker on virtual time: sockets are a record, nothing waits.

mod encrypted;
mod faults;
mod harness;

use std::net::SocketAddr;

use self::harness::{BROWSER, Call, PHONE, PHONE_SSRC, Record, SECOND, phone_remote, voice};
use super::{pcmu, transcoded};
use crate::browser_leg::{BrowserAddr, ConnectionId, Identity, Via};
use crate::endpoints::{PhoneRemote, Ssrc};
use crate::event::{LegEvent, LegFailure};
use crate::handle::Gate;
use crate::rtp::Pt;
use crate::simulate::{BROWSER_SSRC, CheckKind, rtp_packet};
use crate::transcode::DEADLY;
use crate::video::{Feedback, VideoCodec, VideoEnd, VideoRelay};
use crate::worker::addresses::Standing;
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
fn who_has_a_call_of_his_own_cannot_take_the_address_of_another() {
    let mut call = Call::connected();
    call.talk();
    let (thief, local) = call.open_another();
    let check = thief.check(&local, CheckKind::Nominating);
    for _ in 0..4 {
        call.now += 5 * SECOND;
        call.check();
        let (from, now) = (call.address, call.now);
        let standing = call
            .legs
            .handle_browser_datagram(&check, from, now, &mut call.sockets);
        assert_eq!(standing, Standing::Validated);
        call.pass();
        call.talk();
    }
    assert_eq!(call.sent_to_phone(Channel::Rtp).len(), 5);
    assert_eq!(call.stats(BROWSER).dropped, Default::default());
    // The first leg has gone elsewhere: then the address may be another's.
    let elsewhere = BrowserAddr::udp("192.0.2.99:4000".parse().expect("address"));
    let from = std::mem::replace(&mut call.address, elsewhere);
    for _ in 0..4 {
        call.now += 5 * SECOND;
        call.check();
    }
    let standing =
        call.legs
            .handle_browser_datagram(&check, from, call.now, &mut Record::default());
    assert_eq!(standing, Standing::Validated);
}

#[test]
fn who_was_at_an_address_first_cannot_keep_another_from_it() {
    let mut call = Call::connected();
    let (thief, local) = call.open_another();
    let check = thief.check(&local, CheckKind::Nominating);
    call.address = BrowserAddr::udp("192.0.2.50:4000".parse().expect("address"));
    for _ in 0..4 {
        let (from, now) = (call.address, call.now);
        call.legs
            .handle_browser_datagram(&check, from, now, &mut Record::default());
        call.check();
        for _ in 0..100 {
            call.talk();
        }
        call.now += 3 * SECOND;
    }
    assert_eq!(call.sent_to_phone(Channel::Rtp).len(), 400);
    assert_eq!(call.stats(BROWSER).dropped, Default::default());
    call.command_close(LegId(66));
    call.talk();
    call.command_close(BROWSER);
    assert!(call.legs.by_address.is_empty() && call.legs.rivals.is_empty());
}

#[test]
fn however_many_claim_an_address_the_last_to_check_from_it_is_heard() {
    let mut call = Call::connected();
    call.address = BrowserAddr::udp("192.0.2.50:4000".parse().expect("address"));
    let thieves: Vec<_> = (100..130)
        .map(|id| call.open_another_as(LegId(id)))
        .collect();
    for _ in 0..3 {
        for (thief, local) in &thieves {
            let check = thief.check(local, CheckKind::Nominating);
            let (from, now) = (call.address, call.now);
            call.legs
                .handle_browser_datagram(&check, from, now, &mut Record::default());
            call.now += SECOND / 100;
        }
        call.check();
        call.talk();
    }
    assert_eq!(call.sent_to_phone(Channel::Rtp).len(), 3);
}

#[test]
fn a_browser_that_lost_its_connection_goes_on_by_another() {
    let mut call = Call::connected();
    let connection = |slot| {
        let serial = 7;
        BrowserAddr {
            address: "192.0.2.1:4000".parse().expect("address"),
            via: Via::Tcp(ConnectionId { slot, serial }),
        }
    };
    let udp = std::mem::replace(&mut call.address, connection(1));
    call.check();
    call.talk();
    assert_eq!(call.legs.poll_unneeded(), None);
    call.legs
        .handle_lost(connection(1), call.now, &mut call.sockets);
    call.address = udp;
    call.talk();
    call.address = connection(2);
    call.check();
    call.talk();
    assert_eq!(call.browser.rtp.len(), 3);
    call.close_both();
    let unneeded = std::iter::from_fn(|| call.legs.poll_unneeded());
    let mut slots: Vec<u32> = unneeded.map(|connection| connection.slot).collect();
    slots.sort_unstable();
    assert_eq!(
        slots,
        [1, 2],
        "the first is closed already, which harms nobody"
    );
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
fn silence_is_told_and_a_held_call_is_not_silent() {
    let mut call = Call::connected();
    call.talk();
    call.check_every_five_seconds(59 * SECOND);
    assert_eq!(call.stopped(), (0, 0));
    call.check_every_five_seconds(10 * SECOND);
    assert_eq!(call.stopped(), (1, 1));
    call.check_every_five_seconds(60 * SECOND);
    assert_eq!(call.stopped(), (2, 2), "told again");
    call.talk();
    let mut held = pcmu();
    held.to_phone.open = false;
    held.to_browser.open = false;
    call.bridge(held);
    call.check_every_five_seconds(600 * SECOND);
    assert_eq!(call.stopped(), (2, 2), "held");
    call.bridge(pcmu());
    call.check_every_five_seconds(61 * SECOND);
    assert_eq!(call.stopped(), (3, 3), "resumed, and nothing came");
}

#[test]
fn the_way_to_a_phone_that_hears_nothing_is_kept_open() {
    let mut call = Call::connected();
    call.talk();
    let mut held = pcmu();
    held.to_phone.open = false;
    held.to_browser.open = false;
    call.bridge(held);
    let before = call.sent_to_phone(Channel::Rtp).len();
    call.check_every_five_seconds(60 * SECOND);
    let sent = call.sent_to_phone(Channel::Rtp);
    let kept = &sent[before..];
    assert!((3..=4).contains(&kept.len()), "{} in 60 s", kept.len());
    assert!(kept.iter().all(|datagram| datagram.is_empty()));
}

#[test]
fn a_phone_that_holds_the_call_need_not_play_music() {
    let mut call = Call::connected();
    call.talk();
    let mut held = pcmu();
    held.to_phone.open = false;
    call.bridge(held);
    call.check_every_five_seconds(600 * SECOND);
    assert_eq!(call.stopped(), (0, 0));
}

#[test]
fn a_muted_phone_that_reports_is_there_and_goes_on_hearing() {
    let mut call = Call::connected();
    for second in 0..300 {
        for _ in 0..50 {
            call.browser_says();
        }
        if second % 5 == 0 {
            call.phone_reports();
        }
    }
    assert_eq!(call.stopped(), (0, 0));
    assert_eq!(call.sent_to_phone(Channel::Rtp).len(), 300 * 50);
}

#[test]
fn a_muted_browser_that_reports_is_there() {
    let mut call = Call::connected();
    call.talk();
    let mut report = vec![0x80, 201, 0, 1];
    report.extend(BROWSER_SSRC.0.to_be_bytes());
    for sequence in 0..60 {
        call.check_every_five_seconds(5 * SECOND);
        call.phone_says(100 + sequence);
        let sealed = call.browser.seal_rtcp(&report);
        call.receive(&sealed);
    }
    assert_eq!(call.stopped(), (0, 0));
}

#[test]
fn a_phone_that_only_listens_is_heard_once_or_said_not_to_be_there() {
    for reports in [true, false] {
        let mut call = Call::connected();
        let mut listening = pcmu();
        listening.to_browser.open = false;
        call.bridge(listening);
        if reports {
            call.phone_reports();
        }
        for _ in 0..90 * 50 {
            call.browser_says();
        }
        let (_, stopped) = call.stopped();
        assert_eq!(stopped > 0, !reports, "there: {reports}");
        assert_eq!(call.sent_to_phone(Channel::Rtp).len(), 90 * 50);
    }
}

#[test]
fn a_closed_gate_expects_nothing() {
    let mut call = Call::connected();
    let gate = Gate {
        browser_to_phone: false,
        phone_to_browser: true,
    };
    call.command(Command::SetGate(BROWSER, gate));
    call.check_every_five_seconds(61 * SECOND);
    assert_eq!(call.stopped(), (0, 1));
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
fn an_address_passes_to_another_leg_when_the_first_is_closed() {
    let mut call = Call::connected();
    let (other, local) = call.open_another();
    call.receive(&other.check(&local, CheckKind::Nominating));
    call.command_close(BROWSER);
    let before = call.legs.strangers();
    call.receive(&[22; 40]);
    assert_eq!(call.legs.strangers(), before, "the second leg's");
    call.command_close(LegId(66));
    call.receive(&[22; 40]);
    assert!(call.legs.strangers() > before, "nobody's");
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
