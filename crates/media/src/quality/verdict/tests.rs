//! Verdicts as a table: what was counted, and what is to be said of it.

use super::*;
use crate::codec::AudioCodec;
use crate::event::Dropped;
use crate::quality::level;
use crate::quality::sound::Sound;

const MINUTE: Duration = Duration::from_secs(60);

/// A way on which everything is well.
fn good() -> WayFigures {
    WayFigures {
        way: Way::Open(MINUTE),
        link: Link::Ready,
        codec: Some(AudioCodec::Opus),
        received: 3_000,
        sent: 3_000,
        ..WayFigures::default()
    }
}

fn call(to_phone: WayFigures, to_browser: WayFigures) -> CallFigures {
    CallFigures {
        to_phone,
        to_browser,
    }
}

fn said(to_phone: WayFigures, to_browser: WayFigures) -> (Cause, Toward) {
    let Verdict { cause, toward } = verdict(&call(to_phone, to_browser));
    (cause, toward)
}

/// A way on which nothing comes but this.
fn nothing_but(dropped: Dropped) -> WayFigures {
    WayFigures {
        received: 0,
        sent: 0,
        absent: MINUTE,
        dropped,
        ..good()
    }
}

#[test]
fn each_cause_is_told_by_its_way() {
    let none = Dropped::default();
    let many = 3_000;
    for (way, cause) in [
        (nothing_but(none), Cause::Nothing),
        (
            nothing_but(Dropped {
                unauthentic: many,
                ..none
            }),
            Cause::WrongKey,
        ),
        (
            nothing_but(Dropped {
                unauthentic: 8,
                unknown_ssrc: 42,
                ..none
            }),
            Cause::WrongKey,
        ),
        (
            nothing_but(Dropped {
                unknown_source: many,
                ..none
            }),
            Cause::SourceMismatch,
        ),
        (
            nothing_but(Dropped {
                unknown_ssrc: many,
                ..none
            }),
            Cause::UnknownStream,
        ),
        (
            WayFigures {
                dropped: Dropped {
                    unplanned: many,
                    ..none
                },
                sent: 0,
                ..good()
            },
            Cause::CodecMismatch,
        ),
        (
            WayFigures {
                silent: PATIENCE,
                ..good()
            },
            Cause::Silence,
        ),
        (
            WayFigures {
                lost: 200,
                ..good()
            },
            Cause::Lossy,
        ),
        (
            WayFigures {
                lost_at_end: 200,
                ..good()
            },
            Cause::Lossy,
        ),
        (
            WayFigures {
                way: Way::Closed,
                ..good()
            },
            Cause::Held,
        ),
    ] {
        assert_eq!(said(way, good()), (cause, Toward::Phone));
        assert_eq!(said(good(), way), (cause, Toward::Browser));
        assert_eq!(said(way, way), (cause, Toward::Both));
    }
}

#[test]
fn who_only_listened_at_the_end_was_heard_all_the_same() {
    let spoke = WayFigures {
        sound: Sound::of(100, 100 * level::SILENCE * 1_000),
        silent: MINUTE / 2,
        ..good()
    };
    let never = WayFigures {
        sound: Sound::of(100, 100),
        ..spoke
    };
    let clicked = WayFigures {
        silent: MINUTE / 5 * 4,
        ..spoke
    };
    assert_eq!(said(spoke, good()), (Cause::Good, Toward::Both));
    assert_eq!(said(never, good()), (Cause::Silence, Toward::Phone));
    assert_eq!(said(clicked, good()), (Cause::Silence, Toward::Phone));
}

#[test]
fn what_nobody_can_hear_has_no_opinion_score() {
    let strange = WayFigures {
        dropped: Dropped {
            unplanned: 2_900,
            ..Dropped::default()
        },
        ..good()
    };
    assert_eq!(strange.mos(), None);
    assert!(good().mos().is_some());
}

#[test]
fn a_call_without_faults_is_good() {
    assert_eq!(said(good(), good()), (Cause::Good, Toward::Both));
    let lost_some = WayFigures { lost: 60, ..good() };
    let some_strangers = WayFigures {
        dropped: Dropped {
            unknown_source: 60,
            unauthentic: 60,
            unplanned: 60,
            ..Dropped::default()
        },
        ..good()
    };
    assert_eq!(said(lost_some, some_strangers).0, Cause::Good);
}

#[test]
fn a_browser_leg_that_never_came_up_is_the_cause_of_everything_else() {
    let empty = nothing_but(Dropped::default());
    for (link, cause) in [
        (Link::Unchecked, Cause::IceNotValidated),
        (Link::Handshaking, Cause::DtlsNotFinished),
        (Link::Failed(LegFailure::IceTimeout), Cause::IceNotValidated),
        (Link::Failed(LegFailure::DtlsFailed), Cause::DtlsNotFinished),
        (
            Link::Failed(LegFailure::FingerprintMismatch),
            Cause::WrongCertificate,
        ),
    ] {
        assert_eq!(
            said(WayFigures { link, ..empty }, good()),
            (cause, Toward::Both)
        );
    }
    let page_left = Link::Failed(LegFailure::DtlsClosed);
    let left = WayFigures {
        link: page_left,
        ..good()
    };
    assert_eq!(said(left, good()).0, Cause::Good);
}

#[test]
fn the_first_seconds_say_nothing() {
    let second = Duration::from_secs(1);
    let starting = WayFigures {
        way: Way::Open(second),
        link: Link::Unchecked,
        absent: second,
        received: 0,
        ..good()
    };
    assert_eq!(said(starting, starting).0, Cause::NotStarted);
    let unplanned = WayFigures::default();
    assert_eq!(said(unplanned, unplanned).0, Cause::NotStarted);
    let few_lost = WayFigures {
        received: 20,
        lost: 3,
        ..good()
    };
    assert_eq!(said(few_lost, good()).0, Cause::Good);
}

#[test]
fn the_worse_way_is_told() {
    let silent = WayFigures {
        silent: MINUTE,
        ..good()
    };
    let held = WayFigures {
        way: Way::Closed,
        ..good()
    };
    let nothing = nothing_but(Dropped::default());
    assert_eq!(said(silent, nothing), (Cause::Nothing, Toward::Browser));
    assert_eq!(said(silent, held), (Cause::Silence, Toward::Phone));
    assert_eq!(said(held, good()), (Cause::Held, Toward::Phone));
}

#[test]
fn what_stopped_is_not_blamed_on_a_few_strangers() {
    let stopped = WayFigures {
        absent: MINUTE,
        dropped: Dropped {
            unknown_source: 100,
            ..Dropped::default()
        },
        ..good()
    };
    assert_eq!(said(good(), stopped), (Cause::Nothing, Toward::Browser));
}

#[test]
fn tokens_are_different_and_every_verdict_has_a_sentence() {
    let mut tokens: Vec<_> = Cause::ALL.iter().map(|cause| cause.token()).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), Cause::ALL.len());
    assert!(Cause::ALL.is_sorted());
    for cause in Cause::ALL {
        for toward in Toward::ALL {
            let text = Verdict { cause, toward }.text();
            assert!(text.ends_with('.') && text.len() < 100);
        }
    }
}
