//! The decision between relaying, transcoding and refusing: what holds for all abilities.

use media::codec::AudioCodec;
use media::plan::{
    Abilities, Choice, CodecPolicy, Decision, Events, Party, Refusal, Route, Transcoding, decide,
};
use media::rtp::Pt;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq};
use proptest::prelude::{prop_oneof, proptest};

use AudioCodec::{G722, Opus, Pcma, Pcmu};

fn pt(number: u8) -> Pt {
    Pt::new(number).expect("seven bits")
}

/// A side with these codecs, under numbers of its own.
fn with(codecs: &[AudioCodec]) -> Abilities {
    let numbers = (96..).map(pt);
    Abilities {
        codecs: codecs.iter().copied().zip(numbers).collect(),
        ..Abilities::default()
    }
}

fn transcoding(transcoding: Transcoding) -> Route {
    Route {
        transcoding,
        ..Route::default()
    }
}

/// Relay or transcode, and the codecs of browser and phone.
fn outcome(browser: &[AudioCodec], phone: &[AudioCodec], route: &Route) -> Outcome {
    match decide(&with(browser), &with(phone), route, Party::Phone) {
        Decision::Relay { browser, phone } => {
            assert_eq!(browser.codec, phone.codec);
            Relayed(browser.codec)
        }
        Decision::Transcode { browser, phone } => Transcoded(browser.codec, phone.codec),
        Decision::Refuse(refusal) => Refused(refusal),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Relayed(AudioCodec),
    Transcoded(AudioCodec, AudioCodec),
    Refused(Refusal),
}

use Outcome::{Refused, Relayed, Transcoded};

#[test]
fn a_trunk_with_g711_alone_is_relayed_unless_the_route_wants_opus() {
    for (policy, expected) in [
        (Transcoding::Never, Relayed(Pcma)),
        (Transcoding::LastResort, Relayed(Pcma)),
        (Transcoding::OpusForBrowsers, Transcoded(Opus, Pcma)),
    ] {
        let route = transcoding(policy);
        assert_eq!(outcome(&AudioCodec::ALL, &[Pcma, Pcmu], &route), expected);
    }
    let opus = transcoding(Transcoding::OpusForBrowsers);
    assert_eq!(
        outcome(&AudioCodec::ALL, &[Pcmu, Opus], &opus),
        Relayed(Opus)
    );
    assert_eq!(outcome(&[Pcmu], &[Opus, Pcmu], &opus), Relayed(Pcmu));
}

#[test]
fn what_has_nothing_in_common_is_transcoded_where_that_is_allowed() {
    let last_resort = transcoding(Transcoding::LastResort);
    for (browser, phone, expected) in [
        (&[Opus][..], &[G722][..], Transcoded(Opus, G722)),
        (&[Pcmu], &[Opus], Transcoded(Pcmu, Opus)),
        (&[Pcmu, Opus], &[Pcma], Transcoded(Opus, Pcma)),
        // One Opus encoder for a call is enough.
        (&[Pcmu], &[Opus, G722], Transcoded(Pcmu, G722)),
    ] {
        assert_eq!(outcome(browser, phone, &last_resort), expected);
        let never = transcoding(Transcoding::Never);
        assert_eq!(
            outcome(browser, phone, &never),
            Refused(Refusal::NoCommonCodec)
        );
    }
}

#[test]
fn the_route_says_which_codecs_phones_may_speak() {
    let route = Route {
        codecs: CodecPolicy::Listed(vec![Pcma]),
        transcoding: Transcoding::LastResort,
        ..Route::default()
    };
    assert_eq!(
        outcome(&AudioCodec::ALL, &AudioCodec::ALL, &route),
        Relayed(Pcma)
    );
    assert_eq!(
        outcome(&[Opus], &AudioCodec::ALL, &route),
        Transcoded(Opus, Pcma)
    );
    let refused = Refused(Refusal::PhoneHasNoCodec);
    assert_eq!(outcome(&AudioCodec::ALL, &[Opus, Pcmu], &route), refused);
}

#[test]
fn packets_that_no_browser_sends_are_made_by_transcoding_if_the_route_insists() {
    let route = |transcoding| Route {
        transcoding,
        ptime: Some(30),
        ..Route::default()
    };
    let last_resort = route(Transcoding::LastResort);
    assert_eq!(
        outcome(&AudioCodec::ALL, &[Opus], &last_resort),
        Transcoded(Opus, Opus)
    );
    assert_eq!(
        outcome(&AudioCodec::ALL, &[Pcmu], &last_resort),
        Relayed(Pcmu)
    );
    assert_eq!(
        outcome(&AudioCodec::ALL, &[Opus, Pcmu], &last_resort),
        Relayed(Pcmu)
    );
    let never = route(Transcoding::Never);
    assert_eq!(outcome(&AudioCodec::ALL, &[Opus], &never), Relayed(Opus));

    // A phone's own wish is a wish.
    let mut phone = with(&[Opus]);
    phone.ptime = Some(30);
    let wish = transcoding(Transcoding::LastResort);
    let decision = decide(&with(&AudioCodec::ALL), &phone, &wish, Party::Phone);
    assert!(matches!(
        decision,
        Decision::Relay {
            phone: Choice { ptime: 30, .. },
            ..
        }
    ));
    // And what it cannot take it does not get.
    phone.maxptime = Some(20);
    let decision = decide(&with(&AudioCodec::ALL), &phone, &last_resort, Party::Phone);
    assert!(matches!(
        decision,
        Decision::Relay {
            phone: Choice { ptime: 20, .. },
            ..
        }
    ));
}

fn abilities() -> impl Strategy<Value = Abilities> {
    let codecs = prop::sample::subsequence(AudioCodec::ALL.to_vec(), 0..=4).prop_shuffle();
    let numbers = prop::sample::subsequence((0..128).collect::<Vec<u8>>(), 6).prop_shuffle();
    let events = any::<(bool, bool)>();
    let time = || prop_oneof![Just(None), (1..=1000_u16).prop_map(Some)];
    (codecs, numbers, events, time(), time()).prop_map(
        |(codecs, numbers, (khz8, khz48), ptime, maxptime)| Abilities {
            codecs: codecs
                .into_iter()
                .zip(numbers.iter().map(|number| pt(*number)))
                .collect(),
            events: Events {
                khz8: khz8.then(|| pt(numbers[4])),
                khz48: khz48.then(|| pt(numbers[5])),
            },
            ptime,
            maxptime,
        },
    )
}

fn route() -> impl Strategy<Value = Route> {
    let listed = prop::sample::subsequence(AudioCodec::ALL.to_vec(), 0..=4).prop_shuffle();
    let codecs = prop_oneof![
        Just(CodecPolicy::Offerer),
        listed.prop_map(CodecPolicy::Listed)
    ];
    let transcoding = prop::sample::select(vec![
        Transcoding::Never,
        Transcoding::LastResort,
        Transcoding::OpusForBrowsers,
    ]);
    let ptime = prop::sample::select(vec![None, Some(10), Some(20), Some(30), Some(60)]);
    (codecs, transcoding, ptime).prop_map(|(codecs, transcoding, ptime)| Route {
        codecs,
        transcoding,
        ptime,
        ..Route::default()
    })
}

fn party() -> impl Strategy<Value = Party> {
    prop_oneof![Just(Party::Browser), Just(Party::Phone)]
}

fn has(side: &Abilities, codec: AudioCodec) -> bool {
    side.codecs.iter().any(|(known, _)| *known == codec)
}

/// Whether relaying that codec is all that the route asks for, in other words than the program's.
fn satisfies(codec: AudioCodec, browser: &Abilities, phone: &Abilities, route: &Route) -> bool {
    let opus_is_due =
        route.transcoding == Transcoding::OpusForBrowsers && has(browser, Opus) && codec != Opus;
    let in_time = route.ptime.is_none_or(|ptime| {
        let ptime = ptime.min(phone.maxptime.unwrap_or(ptime));
        match codec {
            Opus => [10, 20, 40, 60].contains(&ptime),
            G722 | Pcmu | Pcma => [10, 20, 30, 40, 50, 60].contains(&ptime),
        }
    });
    has(browser, codec) && has(phone, codec) && route.allows(codec) && !opus_is_due && in_time
}

fn offered(side: &Abilities, choice: &Choice) -> bool {
    let event = choice.event.is_none_or(|event| {
        [side.events.khz8, side.events.khz48].contains(&Some(event.payload_type))
    });
    event && side.codecs.contains(&(choice.codec, choice.payload_type))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_transcoded_that_can_be_relayed(
        browser in abilities(), phone in abilities(), route in route(), decider in party()
    ) {
        let relayable = AudioCodec::ALL.iter().any(|codec| satisfies(*codec, &browser, &phone, &route));
        match decide(&browser, &phone, &route, decider) {
            Decision::Relay { browser: b, phone: p } => {
                prop_assert_eq!(b.codec, p.codec);
                prop_assert!(satisfies(b.codec, &browser, &phone, &route) || !route.transcodes());
            }
            Decision::Transcode { .. } => {
                prop_assert!(!relayable);
                prop_assert!(route.transcodes());
            }
            Decision::Refuse(_) => prop_assert!(!relayable),
        }
    }

    #[test]
    fn no_side_is_sent_what_it_has_not_offered(
        browser in abilities(), phone in abilities(), route in route(), decider in party()
    ) {
        if let Ok((b, p)) = decide(&browser, &phone, &route, decider).choices() {
            prop_assert!(offered(&browser, &b), "{:?}", b);
            prop_assert!(offered(&phone, &p), "{:?}", p);
            prop_assert!(route.allows(p.codec));
            prop_assert!(phone.maxptime.is_none_or(|most| p.ptime <= most));
        }
    }

    #[test]
    fn a_refusal_says_who_lacks_what(
        browser in abilities(), phone in abilities(), route in route(), decider in party()
    ) {
        let nothing_allowed = AudioCodec::ALL.iter().all(|codec| !has(&phone, *codec) || !route.allows(*codec));
        let nothing_shared = AudioCodec::ALL.iter().all(|codec| {
            !has(&browser, *codec) || !has(&phone, *codec) || !route.allows(*codec)
        });
        let expected = if browser.codecs.is_empty() {
            Some(Refusal::BrowserHasNoCodec)
        } else if nothing_allowed {
            Some(Refusal::PhoneHasNoCodec)
        } else if nothing_shared && !route.transcodes() {
            Some(Refusal::NoCommonCodec)
        } else {
            None
        };
        prop_assert_eq!(decide(&browser, &phone, &route, decider).choices().err(), expected);
    }

    #[test]
    fn the_order_of_who_does_not_decide_does_not_matter(
        browser in abilities(), phone in abilities(), route in route(), reversed in any::<bool>()
    ) {
        let turn = |side: &Abilities| {
            let mut side = side.clone();
            match reversed {
                true => side.codecs.reverse(),
                false => side.codecs.sort_unstable_by_key(|(codec, _)| *codec),
            }
            side
        };
        let decision = decide(&browser, &phone, &route, Party::Phone);
        prop_assert_eq!(decision, decide(&turn(&browser), &phone, &route, Party::Phone));
        let decision = decide(&browser, &phone, &route, Party::Browser);
        let turned = decide(&browser, &turn(&phone), &route, Party::Browser);
        match (decision, route.codecs) {
            // What it speaks where it is transcoded is its own choice.
            (Decision::Transcode { .. }, CodecPolicy::Offerer) => {
                prop_assert!(matches!(turned, Decision::Transcode { .. }), "{:?}", turned);
            }
            (decision, _) => prop_assert_eq!(decision, turned),
        }
    }
}
