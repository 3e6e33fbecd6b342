//! In which calls music is played to who is on hold.

use std::sync::Arc;

use media::LegEvent;
use media::music::HoldMusic;
use media::plan::Route;

use super::harness::{BROWSER_OFFER, PHONE, Scenario, locals};
use crate::call::{Action, MediaAction};

/// A phone that talks and does not listen, as a network's announcement does.
const ANNOUNCEMENT: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\n\
    t=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=sendonly\r\n";

/// A call of a route with music that a phone answers so.
fn established(answer: &'static str) -> Scenario {
    let mut locals = locals();
    let (music, _) = HoldMusic::new(vec![0; 8_000], 8_000).expect("a second");
    let mut policy = (*locals.policy).clone();
    policy.route = Route {
        music: Some(music),
        ..Route::default()
    };
    locals.policy = Arc::new(policy);
    let mut call = Scenario::calling_with(BROWSER_OFFER, locals);
    call.accepted(Some(answer));
    call.browser(LegEvent::Connected);
    call
}

/// Whether the phone, and the page, hear music by the last plan.
fn heard(call: &mut Scenario) -> (bool, bool) {
    let actions = std::iter::from_fn(|| call.call.poll_action());
    let plans = actions.filter_map(|action| match action {
        Action::Media(MediaAction::Connect { relay, .. } | MediaAction::Swap { relay, .. }) => {
            Some((
                relay.to_phone.music.is_some(),
                relay.to_browser.music.is_some(),
            ))
        }
        Action::Media(_) | Action::Sip(_) | Action::Notify(_) | Action::OpenCandidate(_) => None,
    });
    plans.last().expect("a plan")
}

#[test]
fn a_call_that_has_gone_both_ways_has_music_for_whoever_is_held() {
    let mut call = established(PHONE);
    assert_eq!(heard(&mut call), (false, false));
    assert_eq!(call.hold(true), Ok(()));
    call.reinvited(&PHONE.replace("sendrecv", "recvonly"));
    assert_eq!(heard(&mut call), (true, false));
    assert_eq!(call.hold(false), Ok(()));
    call.reinvited(PHONE);
    assert_eq!(heard(&mut call), (false, false));
    call.reinvite(Some(ANNOUNCEMENT));
    assert_eq!(heard(&mut call), (false, true));
}

#[test]
fn a_call_that_never_went_both_ways_has_none() {
    let mut call = established(ANNOUNCEMENT);
    assert_eq!(heard(&mut call), (false, false));
    assert_eq!(call.hold(true), Ok(()));
    call.reinvited(&PHONE.replace("sendrecv", "recvonly"));
    assert_eq!(heard(&mut call), (false, false));
    assert_eq!(call.hold(false), Ok(()));
    call.reinvited(ANNOUNCEMENT);
    assert_eq!(heard(&mut call), (false, false));
    // From here on it has.
    call.reinvite(Some(PHONE));
    assert_eq!(heard(&mut call), (false, false));
    call.reinvite(Some(ANNOUNCEMENT));
    assert_eq!(heard(&mut call), (false, true));
}
