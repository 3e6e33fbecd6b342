//! Offers within a call that change the browser's side.

use media::plan::{
    Agreed, BrowserExchange, BrowserUpdate, Hold, PhoneSide, Refusal, accept_browser_answer,
    accept_browser_change, accept_phone_answer, accept_reinvite_answer, browser_answer,
    browser_offer, browser_reoffer, hold_offer, phone_offer, reinvite,
};
use media::{DtlsRole, IceSeed};

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_OFFER, CHROMIUM_ANSWER, CHROMIUM_OFFER, browser, browser_local, has,
    media_lines, phone, phone_local, policy,
};

/// An outgoing call that has come to PCMU.
fn outgoing() -> (Agreed, BrowserExchange) {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &phone_local()).expect("offer");
    let answer = phone(ASTERISK_ANSWER);
    let agreed = accept_phone_answer(&browser, &offer, &answer, &policy()).expect("agreed");
    let exchange = browser_answer(&browser, &agreed, &browser_local());
    (agreed, exchange)
}

/// An incoming call that has come to PCMU.
fn incoming() -> (Agreed, BrowserExchange) {
    let phone = phone(BARESIP_OFFER);
    let offer = browser_offer(Some(&phone), &policy(), &browser_local()).expect("offer");
    let answer = browser(CHROMIUM_ANSWER);
    let agreed = accept_browser_answer(&phone, &offer, &answer, &policy(), &phone_local());
    (agreed.expect("agreed"), offer.answered(&answer))
}

fn reoffered(exchange: &BrowserExchange, offer: &str) -> BrowserUpdate {
    exchange.reoffered(browser(offer)).expect("of this session")
}

fn phone_side(update: &BrowserUpdate, current: &Agreed) -> PhoneSide {
    update
        .phone_side(current, &policy(), &phone_local())
        .expect("usable")
}

fn ways(agreed: &Agreed) -> (bool, bool) {
    (agreed.relay.to_phone.open, agreed.relay.to_browser.open)
}

fn of_fixture(attribute: &str) -> &'static str {
    let line = CHROMIUM_OFFER
        .lines()
        .find(|line| line.starts_with(attribute));
    line.expect("in the fixture")
}

#[test]
fn the_same_offer_again_changes_nothing_on_either_side() {
    let (agreed, exchange) = outgoing();
    let update = reoffered(&exchange, CHROMIUM_OFFER);
    assert!(!update.restarts_ice());
    let PhoneSide::Unchanged(same) = phone_side(&update, &agreed) else {
        panic!("the phone need not be asked");
    };
    assert_eq!(*same, agreed);
    assert_eq!(update.answer(&exchange, &same, &browser_local()), exchange);
}

#[test]
fn a_new_direction_goes_to_the_phone_and_comes_back() {
    for (direction, to_phone, answered, told, open) in [
        (
            "sendonly",
            "a=sendonly",
            "recvonly",
            "a=recvonly",
            (true, false),
        ),
        (
            "recvonly",
            "a=recvonly",
            "sendonly",
            "a=sendonly",
            (false, true),
        ),
        (
            "inactive",
            "a=inactive",
            "inactive",
            "a=inactive",
            (false, false),
        ),
    ] {
        let (agreed, exchange) = outgoing();
        let changed = CHROMIUM_OFFER.replace("a=sendrecv", &format!("a={direction}"));
        let update = reoffered(&exchange, &changed);
        let PhoneSide::Offer(offer) = phone_side(&update, &agreed) else {
            panic!("{direction}: the phone has to be asked");
        };
        assert!(has(offer.text(), to_phone), "{}", offer.text());
        assert!(has(offer.text(), "o=- 42 2 IN IP4 203.0.113.1"));
        let answer = ASTERISK_ANSWER.replace("a=sendrecv", &format!("a={answered}"));
        let agreed = update.accept_phone_answer(&offer, &phone(&answer), &policy());
        let agreed = agreed.expect("agreed");
        assert_eq!(ways(&agreed), open, "{direction}");
        assert!(!agreed.on_hold(), "{direction}: that was our wish");
        let after = update.answer(&exchange, &agreed, &browser_local());
        assert!(has(after.text(), told), "{}", after.text());
        assert!(has(after.text(), "o=- 43 2 IN IP4 203.0.113.1"));
        assert!(has(after.text(), "a=setup:active"));
        assert!(has(after.text(), "a=ice-ufrag:ufra"));
    }
}

#[test]
fn an_ice_restart_is_answered_with_new_credentials_and_without_the_phone() {
    let (agreed, exchange) = outgoing();
    let restarted = CHROMIUM_OFFER.replace(of_fixture("a=ice-ufrag:"), "a=ice-ufrag:NewU");
    let update = reoffered(&exchange, &restarted);
    assert!(update.restarts_ice());
    let PhoneSide::Unchanged(agreed) = phone_side(&update, &agreed) else {
        panic!("the phone need not be asked");
    };
    let mut local = browser_local();
    IceSeed::new([1; 32]).restart(&mut local);
    let after = update.answer(&exchange, &agreed, &local);
    assert!(!has(after.text(), "a=ice-ufrag:ufra"));
    assert!(has(after.text(), &format!("a=ice-ufrag:{}", local.ufrag)));
    assert!(has(after.text(), "o=- 43 2 IN IP4 203.0.113.1"));
    let again = after.reoffered(browser(&restarted)).expect("the same");
    assert!(!again.restarts_ice());
}

#[test]
fn restarts_never_give_the_same_credentials() {
    let mut seed = IceSeed::new([1; 32]);
    let (mut one, mut two) = (browser_local(), browser_local());
    seed.restart(&mut one);
    seed.restart(&mut two);
    assert_ne!(one.ufrag, two.ufrag);
    assert_ne!(one.pwd, two.pwd);
}

#[test]
fn added_media_are_refused_in_their_place() {
    let (agreed, exchange) = outgoing();
    let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:v1\r\na=sendrecv\r\n\
        a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n";
    let update = reoffered(&exchange, &format!("{CHROMIUM_OFFER}{video}"));
    let PhoneSide::Unchanged(agreed) = phone_side(&update, &agreed) else {
        panic!("the phone need not be asked");
    };
    let before = media_lines(exchange.text()).len();
    let after = update.answer(&exchange, &agreed, &browser_local());
    let lines = media_lines(after.text());
    assert_eq!(lines.len(), before + 1);
    assert!(lines[before].starts_with("m=video 0 "), "{lines:?}");
    assert!(has(after.text(), "a=mid:v1"));
    assert_eq!(
        after.reoffered(browser(CHROMIUM_OFFER)),
        Err(Refusal::OtherSession)
    );
}

#[test]
fn a_browser_that_drops_the_codec_has_the_phone_asked_for_another() {
    let (agreed, exchange) = outgoing();
    let audio = CHROMIUM_OFFER
        .lines()
        .find(|line| line.starts_with("m=audio"))
        .expect("audio");
    let only = CHROMIUM_OFFER.replace(audio, "m=audio 9 UDP/TLS/RTP/SAVPF 8 126");
    let update = reoffered(&exchange, &only);
    let PhoneSide::Offer(offer) = phone_side(&update, &agreed) else {
        panic!("the phone has to be asked");
    };
    let answer = ASTERISK_ANSWER.replace("RTP/AVP 0", "RTP/AVP 8");
    let agreed = update.accept_phone_answer(&offer, &phone(&answer), &policy());
    let agreed = agreed.expect("agreed");
    assert_eq!(agreed.codec().name(), "PCMA");
    let after = update.answer(&exchange, &agreed, &browser_local());
    assert!(
        media_lines(after.text())[0].contains(" 8"),
        "{}",
        after.text()
    );
}

#[test]
fn an_offer_of_another_session_is_refused() {
    let (_, exchange) = outgoing();
    let fingerprint = of_fixture("a=fingerprint:");
    let (kind, hex) = fingerprint.split_once(' ').expect("two words");
    let other = format!("{kind} {}", hex.replace(&hex[..2], "5E"));
    for (old, new) in [
        (fingerprint, other.as_str()),
        ("a=setup:actpass", "a=setup:active"),
        ("a=mid:0", "a=mid:other"),
    ] {
        let changed = CHROMIUM_OFFER.replace(old, new);
        assert_ne!(changed, CHROMIUM_OFFER, "{old}");
        assert_eq!(
            exchange.reoffered(browser(&changed)),
            Err(Refusal::OtherSession),
            "{old}"
        );
    }
}

#[test]
fn our_hold_is_sendonly_and_inactive_when_the_phone_holds_too() {
    let (agreed, _) = outgoing();
    let offer = hold_offer(&agreed, Hold::On, &phone_local());
    assert!(has(offer.text(), "a=sendonly"));
    let answer = phone(&ASTERISK_ANSWER.replace("a=sendrecv", "a=recvonly"));
    let held = accept_reinvite_answer(&agreed, &offer, &answer, &policy()).expect("held");
    assert_eq!((ways(&held), held.hold()), ((false, false), Hold::On));
    assert!(!held.on_hold(), "it is we who hold");

    let theirs = phone(&ASTERISK_ANSWER.replace("a=sendrecv", "a=sendonly"));
    let both = reinvite(&held, &theirs, &policy(), &phone_local()).expect("both");
    assert!(has(both.phone_sdp(), "a=inactive"));
    assert!(both.on_hold());

    let (agreed, _) = outgoing();
    let first = reinvite(&agreed, &theirs, &policy(), &phone_local()).expect("theirs");
    let offer = hold_offer(&first, Hold::On, &phone_local());
    assert!(has(offer.text(), "a=inactive"));

    let offer = hold_offer(&both, Hold::Off, &phone_local());
    assert!(has(offer.text(), "a=sendrecv"));
    let resumed = accept_reinvite_answer(&both, &offer, &phone(ASTERISK_ANSWER), &policy());
    let resumed = resumed.expect("resumed");
    assert_eq!((ways(&resumed), resumed.hold()), ((true, true), Hold::Off));
}

#[test]
fn the_packet_time_of_the_route_holds_in_later_offers_to_the_browser_too() {
    let (agreed, exchange) = incoming();
    let wants = phone(&ASTERISK_ANSWER.replace("RTP/AVP 0", "RTP/AVP 8"));
    let mut policy = policy();
    policy.route.ptime = Some(40);
    let offer = browser_reoffer(&wants, &exchange, &agreed, &policy, &browser_local());
    assert!(has(offer.expect("offer").text(), "a=ptime:40"));
}

#[test]
fn a_phone_that_wants_another_codec_is_answered_once_the_browser_has_taken_it() {
    let (agreed, exchange) = incoming();
    let wants = phone(&ASTERISK_ANSWER.replace("RTP/AVP 0", "RTP/AVP 8"));
    assert_eq!(
        reinvite(&agreed, &wants, &policy(), &phone_local()),
        Err(Refusal::CodecGone)
    );
    let offer = browser_reoffer(&wants, &exchange, &agreed, &policy(), &browser_local());
    let offer = offer.expect("offer");
    assert!(has(offer.text(), "o=- 43 2 IN IP4 203.0.113.1"));
    assert!(has(offer.text(), "a=setup:actpass"));
    let audio = CHROMIUM_ANSWER
        .lines()
        .find(|line| line.starts_with("m=audio"))
        .expect("audio");
    let answer = browser(&CHROMIUM_ANSWER.replace(audio, "m=audio 9 UDP/TLS/RTP/SAVPF 8"));
    let (policy, local) = (policy(), phone_local());
    let taken = accept_browser_change(&agreed, &exchange, &wants, &offer, &answer, &policy, &local);
    let (agreed, exchange) = taken.expect("taken");
    assert_eq!(agreed.codec().name(), "PCMA");
    assert!(has(agreed.phone_sdp(), "o=- 42 2 IN IP4 203.0.113.1"));
    assert_eq!(answer.remote().role, DtlsRole::Server);
    assert!(exchange.reoffered(browser(CHROMIUM_ANSWER)).is_ok());
}
