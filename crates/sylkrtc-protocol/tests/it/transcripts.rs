//! Every line of every transcript is what the codec reads or writes, and every transcript
//! keeps the rules of the protocol.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sylkrtc_protocol::{
    Dialect, Event, Request, SessionState, Vocabulary, decode, encode_ack, encode_event,
};

use crate::client::{self, Said};
use crate::transcript::{self, Line, Transcript, When};

#[test]
fn there_is_one_of_each_kind_per_dialect() {
    let names: BTreeSet<String> = transcript::all().into_iter().map(|t| t.name).collect();
    for dialect in ["v1", "v1-2015", "v2"] {
        for kind in [
            "registration",
            "wrong-password",
            "outgoing",
            "incoming",
            "rejected",
            "rejected-by-page",
            "early-media",
        ] {
            assert!(
                names.contains(&format!("{dialect}-{kind}")),
                "{dialect}-{kind}"
            );
        }
    }
}

#[test]
fn requests_are_read_as_they_were_meant() {
    for transcript in transcript::all() {
        for line in &transcript.lines {
            let Line::Client(value) = line else { continue };
            let incoming = decode(transcript.dialect, &value.to_string())
                .unwrap_or_else(|rejected| panic!("{}: {rejected}: {value}", transcript.name));
            assert_eq!(
                client::write(&incoming),
                plain(value),
                "{}",
                transcript.name
            );
        }
    }
}

#[test]
fn answers_and_events_are_written_as_they_were_meant() {
    for transcript in transcript::all() {
        let names = vocabulary(&transcript);
        for line in &transcript.lines {
            let Line::Gateway { value, .. } = line else {
                continue;
            };
            let said = client::read(transcript.dialect, names, value);
            let said = said.unwrap_or_else(|| panic!("{}: {value}", transcript.name));
            let text = write(transcript.dialect, names, &said);
            let written: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(&written, value, "{}", transcript.name);
        }
    }
}

#[test]
fn each_request_is_answered_once_and_each_call_ends_once() {
    for transcript in transcript::all() {
        let names = vocabulary(&transcript);
        let name = &transcript.name;
        let mut unanswered = BTreeSet::new();
        let mut ended: BTreeMap<String, bool> = BTreeMap::new();
        for line in &transcript.lines {
            match line {
                Line::Step => {}
                Line::Client(value) => {
                    let incoming = decode(transcript.dialect, &value.to_string()).unwrap();
                    assert!(
                        unanswered.insert(incoming.transaction.to_string()),
                        "{name}: {value}"
                    );
                    if let Request::SessionCreate(create) = incoming.request {
                        assert_eq!(
                            ended.insert(create.session.to_string(), false),
                            None,
                            "{name}"
                        );
                    }
                }
                Line::Gateway { value, when: _ } => {
                    match client::read(transcript.dialect, names, value) {
                        Some(Said::Ack(transaction)) => {
                            assert!(unanswered.remove(transaction.as_str()), "{name}: {value}");
                        }
                        Some(Said::Event(Event::IncomingSession(incoming))) => {
                            assert_eq!(
                                ended.insert(incoming.session.to_string(), false),
                                None,
                                "{name}"
                            );
                        }
                        Some(Said::Event(Event::SessionState { session, state })) => {
                            let over = matches!(state, SessionState::Terminated { .. });
                            assert_eq!(
                                ended.insert(session.to_string(), over),
                                Some(false),
                                "{name}: {value}"
                            );
                        }
                        Some(Said::Event(
                            Event::Ready
                            | Event::RegistrationState { .. }
                            | Event::MissedSession { .. }
                            | Event::SessionUpdate { .. }
                            | Event::AccountMessage { .. }
                            | Event::SessionMessage { .. }
                            | Event::SessionDisposition { .. }
                            | Event::SessionExtension { .. },
                        )) => {}
                        Some(Said::Error { .. }) | None => panic!("{name}: {value}"),
                    }
                }
            }
        }
        assert!(unanswered.is_empty(), "{name}: {unanswered:?}");
        assert!(ended.values().all(|over| *over), "{name}: {ended:?}");
    }
}

#[test]
fn an_sdp_reaches_the_page_once_per_call() {
    for transcript in transcript::all() {
        let events_with_sdp = transcript.lines.iter().filter(|line| match line {
            Line::Gateway { value, when } => {
                assert!(
                    *when != When::Perhaps || value.get("sdp").is_none(),
                    "{}",
                    transcript.name
                );
                // Changes of a call that is up have a description each.
                value["event"] != "update"
                    && (value.get("sdp").is_some() || value["data"].get("sdp").is_some())
            }
            Line::Client(_) | Line::Step => false,
        });
        assert!(events_with_sdp.count() <= 1, "{}", transcript.name);
    }
}

/// The vocabulary that the first account request of the transcript settles.
fn vocabulary(transcript: &Transcript) -> Vocabulary {
    let decided = transcript.lines.iter().find_map(|line| match line {
        Line::Client(value) => decode(transcript.dialect, &value.to_string())
            .ok()?
            .decides_vocabulary(),
        Line::Gateway { .. } | Line::Step => None,
    });
    let decided = decided.unwrap_or_else(|| panic!("{}: no account", transcript.name));
    assert_eq!(
        decided == Vocabulary::Names2015,
        transcript.name.contains("2015")
    );
    decided
}

/// The request without what makes no difference: the scheme of URIs, the browser's extras in a
/// candidate, and the first of two old names for the same.
fn plain(request: &Value) -> Value {
    let mut plain = request.clone();
    if request["sylkrtc"] == "unbind" {
        plain["sylkrtc"] = Value::from("remove_account");
    }
    if let Some(uri) = request["uri"].as_str() {
        plain["uri"] = Value::from(uri.trim_start_matches("sip:"));
    }
    if let Some(Value::Array(candidates)) = plain.get_mut("candidates") {
        for candidate in candidates {
            candidate
                .as_object_mut()
                .unwrap()
                .remove("usernameFragment");
        }
    }
    plain
}

fn write(dialect: Dialect, names: Vocabulary, said: &Said) -> String {
    match said {
        Said::Ack(transaction) => encode_ack(dialect, transaction),
        Said::Event(event) => encode_event(dialect, names, event).unwrap(),
        Said::Error { .. } => panic!("no transcript has an error"),
    }
}
