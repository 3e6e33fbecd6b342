//! Who is heard, who need not be, and what is said of who is not.

use super::harness::{BROWSER, Call, SECOND};
use crate::handle::Gate;
use crate::simulate::BROWSER_SSRC;
use crate::worker::egress::Channel;
use crate::worker::mailbox::Command;
use crate::worker::tests::pcmu;

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
