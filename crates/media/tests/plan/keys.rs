//! In which form keys reach a phone, and when they are listened for.

use media::plan::{KeyForm, KeyPolicy, accept_phone_answer, phone_offer};
use media::relay::{InBand, Relay};

use crate::far_ends::{ASTERISK_ANSWER, CHROMIUM_OFFER, browser, phone, phone_local, policy};

/// What becomes of keys with a phone that has telephone-events or not.
fn planned(keys: KeyPolicy, events: bool, knows_info: bool, told: bool) -> (KeyForm, Relay) {
    let browser = browser(CHROMIUM_OFFER);
    let policy = policy();
    let offer = phone_offer(&browser, &policy, &phone_local()).expect("an offer");
    let answer = ASTERISK_ANSWER.replace(
        "telephone-event",
        match events {
            true => "telephone-event",
            false => "something-else",
        },
    );
    let answer = phone(&answer);
    let agreed = accept_phone_answer(&browser, &offer, &answer, &policy).expect("agreed");
    let mut relay = agreed.relay;
    let form = keys.apply(&mut relay, knows_info, told);
    (form, relay)
}

#[test]
fn a_phone_gets_keys_in_the_form_it_takes() {
    use KeyForm::{Info, Media};
    for (keys, events, knows_info, form, sends_events, in_band) in [
        (KeyPolicy::Auto, true, true, Media, true, InBand::Off),
        (KeyPolicy::Auto, false, true, Info, false, InBand::Off),
        (KeyPolicy::Auto, false, false, Media, false, InBand::Play),
        (KeyPolicy::Events, true, true, Media, true, InBand::Off),
        (KeyPolicy::Events, false, true, Media, false, InBand::Off),
        (KeyPolicy::Info, true, false, Info, false, InBand::Off),
        (KeyPolicy::Tones, true, true, Media, false, InBand::Play),
    ] {
        let (planned, relay) = planned(keys, events, knows_info, false);
        assert_eq!(planned, form, "{keys:?} {events} {knows_info}");
        assert_eq!(relay.to_phone.send.event.is_some(), sends_events);
        assert_eq!(relay.to_phone.in_band, in_band);
        assert_eq!(
            relay.to_browser.in_band,
            InBand::Off,
            "nobody wants to know"
        );
    }
}

#[test]
fn tones_are_listened_for_only_if_somebody_wants_to_know_and_the_phone_has_no_events() {
    for (keys, events, listens) in [
        (KeyPolicy::Auto, true, InBand::Off),
        (KeyPolicy::Auto, false, InBand::Listen),
        (KeyPolicy::Tones, false, InBand::Listen),
        (KeyPolicy::Info, false, InBand::Off),
        (KeyPolicy::Events, false, InBand::Off),
    ] {
        let (_, relay) = planned(keys, events, true, true);
        assert_eq!(relay.to_browser.in_band, listens, "{keys:?} {events}");
    }
}
