//! Descriptions that name addresses nothing may be sent to (field.md: M8).

use media::plan::{Policy, Refusal, accept_phone_answer, browser_offer, phone_offer, reinvite};
use media::sdp::{AddressPolicy, UnsafeAddress};

use crate::far_ends::{
    ASTERISK_ANSWER, CHROMIUM_OFFER, address, browser, browser_local, phone, phone_local, policy,
};

#[test]
fn nothing_is_sent_where_an_answer_or_an_offer_must_not_point() {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &phone_local()).expect("offer");
    let agreed = accept_phone_answer(&browser, &offer, &phone(ASTERISK_ANSWER), &policy());
    let agreed = agreed.expect("a good answer");
    let own = Policy {
        addresses: AddressPolicy {
            refused: vec![address("203.0.113.1:5060")],
            ..AddressPolicy::default()
        },
        ..policy()
    };
    for (ip, port, expected) in [
        ("127.0.0.1", 14802, UnsafeAddress::Loopback),
        ("169.254.169.254", 14802, UnsafeAddress::LinkLocal),
        ("224.0.0.251", 14802, UnsafeAddress::NotUnicast),
        ("255.255.255.255", 14802, UnsafeAddress::NotUnicast),
        ("198.51.100.20", 80, UnsafeAddress::LowPort),
        ("203.0.113.1", 5060, UnsafeAddress::Own),
        ("203.0.113.1", 40000, UnsafeAddress::Own),
        ("6ba6c7e5-bd1b-4d7b.local", 14802, UnsafeAddress::NoAddress),
    ] {
        let sdp = ASTERISK_ANSWER
            .replace("c=IN IP4 198.51.100.20", &format!("c=IN IP4 {ip}"))
            .replace("14802", &port.to_string());
        let hostile = phone(&sdp);
        let refusal = Refusal::Address(expected);
        let answered = accept_phone_answer(&browser, &offer, &hostile, &own);
        assert_eq!(answered.map(|_| ()), Err(refusal), "{ip}:{port}");
        let moved = reinvite(&agreed, &hostile, &own, &phone_local());
        assert_eq!(moved.map(|_| ()), Err(refusal), "{ip}:{port}");
        if port != 40000 {
            let rung = browser_offer(Some(&hostile), &own, &browser_local());
            assert_eq!(rung.map(|_| ()), Err(refusal), "{ip}:{port}");
        }
    }
}

#[test]
fn a_hostile_rtcp_address_costs_only_the_reports() {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &phone_local()).expect("offer");
    for rtcp in [
        "a=rtcp:53 IN IP4 198.51.100.20",
        "a=rtcp:9000 IN IP4 127.0.0.1",
    ] {
        let answer = phone(&format!("{ASTERISK_ANSWER}{rtcp}\r\n"));
        let agreed = accept_phone_answer(&browser, &offer, &answer, &policy()).expect("agreed");
        assert_eq!(
            agreed.phone_remote.map(|remote| remote.rtcp),
            Some(None),
            "{rtcp}"
        );
    }
}

#[test]
fn the_demo_may_allow_one_machine() {
    let demo = Policy {
        addresses: AddressPolicy {
            allow_loopback: true,
            refused: Vec::new(),
        },
        ..policy()
    };
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &demo, &phone_local()).expect("offer");
    let answer = phone(&ASTERISK_ANSWER.replace("IN IP4 198.51.100.20", "IN IP4 127.0.0.1"));
    let agreed = accept_phone_answer(&browser, &offer, &answer, &demo).expect("agreed");
    assert_eq!(
        agreed.phone_remote.map(|r| r.rtp),
        Some(address("127.0.0.1:14802"))
    );
}
