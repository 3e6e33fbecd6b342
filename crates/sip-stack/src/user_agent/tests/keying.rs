//! Keys in descriptions (RFC 4568 §8.1), wherever a request or an answer turns out to lead.

use bytes::Bytes;

use super::bench::{Bench, PROXY, SDP, Script, alice, call, header, source, tag_of};
use crate::account::SessionId;
use crate::command::Command;
use crate::event::{Event, SessionEvent};
use crate::message::{HeaderName, Message, Method};
use crate::transport::{FlowId, Source, Transport};
use crate::user_agent::UserAgentConfig;

const REQUIRED: &str = "v=0\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 X inline:SECRET\r\n";
const OPTIONAL: &str = "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=crypto:1 X inline:SECRET\r\n";
const PLAIN: &str = "v=0\r\nm=audio 4000 RTP/AVP 0\r\n";
const EXPOSED: &str = "488 SRTP Requires TLS";

#[test]
fn a_call_that_wants_keys_is_not_placed_over_a_clear_hop() {
    let mut bench = Bench::new();
    invite(&mut bench, REQUIRED);
    assert!(matches!(bench.session_event(), SessionEvent::Sent { .. }));
    assert_eq!(bench.ended(), EXPOSED);
    bench.sent_nothing();
}

#[test]
fn a_call_that_can_do_without_keys_is_placed_without_them() {
    let mut bench = Bench::new();
    invite(&mut bench, OPTIONAL);
    let invite = bench.request(Method::Invite);
    assert_eq!(&invite.body[..], PLAIN.as_bytes());
    assert!(matches!(bench.session_event(), SessionEvent::Sent { .. }));

    // Nor are keys taken from where everybody could have written them.
    bench.reply_sdp(&invite, 183, "them", OPTIONAL);
    let early = bench.session_event();
    assert!(
        matches!(&early, SessionEvent::Provisional { sdp: Some(sdp), .. } if sdp == PLAIN),
        "{early:?}"
    );
    bench.reply_sdp(&invite, 200, "them", OPTIONAL);
    let accepted = bench.session_event();
    assert!(
        matches!(&accepted, SessionEvent::Accepted { sdp: Some(sdp), .. } if sdp == PLAIN),
        "{accepted:?}"
    );
}

#[test]
fn a_call_that_went_without_keys_is_refreshed_without_them() {
    for early in [false, true] {
        let mut bench = Bench::new();
        invite(&mut bench, OPTIONAL);
        let invite = bench.request(Method::Invite);
        bench.session_event();
        if early {
            bench.reply_sdp(&invite, 183, "them", PLAIN);
            bench.session_event();
        }
        let headers = [
            "Contact: <sip:them@198.51.100.2>",
            "Content-Type: application/sdp",
            "Session-Expires: 100;refresher=uac",
        ];
        bench.reply_tagged(&invite, 200, "them", &headers, PLAIN);
        bench.request(Method::Ack);
        assert!(matches!(
            bench.session_event(),
            SessionEvent::Accepted { .. }
        ));
        for _ in 0..3 {
            bench.pass_seconds(50);
            let refresh = bench.request(Method::Invite);
            assert_eq!(&refresh.body[..], PLAIN.as_bytes(), "early: {early}");
            bench.reply_tagged(&refresh, 200, "them", &headers, PLAIN);
            bench.request(Method::Ack);
            assert!(matches!(
                bench.session_event(),
                SessionEvent::Refreshed { .. }
            ));
        }
    }
}

#[test]
fn an_encrypted_call_whose_way_leaves_tls_is_refreshed_without_a_description() {
    let mut bench = encrypted(&["Session-Expires: 120"]);
    for _ in 0..2 {
        bench.pass_seconds(60);
        let update = bench.request(Method::Update);
        assert!(update.body.is_empty());
        let asked = header(&update.headers, &HeaderName::SessionExpires);
        assert_eq!(asked, "120;refresher=uac");
        bench.reply(&update, 200, &["Session-Expires: 120;refresher=uac"]);
    }
    bench.pass_seconds(60);
    let update = bench.request(Method::Update);
    bench.reply(&update, 405, &[]);
    // A peer that refreshes is welcome to; we cannot, and end nothing.
    bench.pass_seconds(1_000);
    bench.sent_nothing();
    bench.no_event();
}

#[test]
fn keys_in_the_clear_count_for_nothing_whatever_message_brings_the_answer() {
    let plain = Some(Bytes::from(PLAIN));
    let kind = "Content-Type: application/sdp";

    let mut bench = Bench::new();
    let token = bench.token();
    let asking = Script {
        headers: vec!["Supported: 100rel".to_owned()],
        body: "",
        ..Script::invite(&token)
    };
    bench.incoming(&asking);
    let Event::Incoming { session, .. } = bench.event() else {
        panic!("a call");
    };
    bench.command(Command::Accept {
        session,
        sdp: Bytes::from(PLAIN),
        headers: Vec::new(),
    });
    let tag = tag_of(&bench.response(200));
    bench.incoming(&Script {
        body: OPTIONAL,
        ..Script::within("ACK", 1, &tag, &token).header(kind)
    });
    let sdp = plain.clone();
    assert_eq!(bench.session_event(), SessionEvent::Confirmed { sdp });

    bench.command(Command::Reinvite {
        session,
        sdp: Bytes::from(PLAIN),
    });
    let reinvite = bench.request(Method::Invite);
    bench.reply_sdp(&reinvite, 200, "them", OPTIONAL);
    let sdp = plain.clone();
    assert_eq!(bench.session_event(), SessionEvent::Reinvited { sdp });

    let mut bench = Bench::new();
    let token = bench.token();
    bench.incoming(&Script {
        headers: asking.headers.clone(),
        body: "",
        ..Script::invite(&token)
    });
    let Event::Incoming { session, .. } = bench.event() else {
        panic!("a call");
    };
    bench.command(Command::Provisional {
        session,
        code: 183,
        sdp: Some(Bytes::from(PLAIN)),
    });
    let early = bench.response(183);
    let rseq = header(&early.headers, &HeaderName::RSeq);
    let tag = tag_of(&early);
    bench.incoming(&Script {
        body: OPTIONAL,
        ..Script::within("PRACK", 2, &tag, &token)
            .header(&format!("RAck: {rseq} 1 INVITE"))
            .header(kind)
    });
    bench.response(200);
    assert_eq!(
        bench.session_event(),
        SessionEvent::Reinvited { sdp: plain }
    );
}

#[test]
fn an_offer_with_keys_in_mid_call_fails_over_a_clear_hop_and_the_call_goes_on() {
    let mut bench = Bench::new();
    let (session, _) = bench.called_and_answered();
    for sdp in [OPTIONAL, REQUIRED] {
        bench.command(Command::Reinvite {
            session,
            sdp: Bytes::from(sdp),
        });
        assert_eq!(bench.session_event(), reinvite_failed());
        bench.sent_nothing();
    }
    bench.hang_up(session);
    assert_eq!(bench.ended(), "200 to BYE");
}

#[test]
fn an_offer_with_keys_that_the_peer_asks_for_is_refused_it_over_a_clear_hop() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.incoming(&Script::within("INVITE", 2, &tag, &token));
    assert_eq!(bench.session_event(), SessionEvent::Reinvite { sdp: None });
    answer_reinvite(&mut bench, session, OPTIONAL);
    let refused = bench.response(488);
    assert!(refused.body.is_empty());
    assert_eq!(bench.session_event(), reinvite_failed());
}

#[test]
fn an_incoming_call_is_not_answered_with_keys_over_a_clear_hop() {
    let mut bench = Bench::new();
    let session = bench.called();
    bench.command(Command::Provisional {
        session,
        code: 183,
        sdp: Some(Bytes::from(OPTIONAL)),
    });
    assert!(bench.response(183).body.is_empty());
    bench.command(Command::Accept {
        session,
        sdp: Bytes::from(OPTIONAL),
        headers: Vec::new(),
    });
    assert!(bench.response(488).body.is_empty());
    assert_eq!(bench.ended(), EXPOSED);
}

#[test]
fn a_call_that_was_made_over_tls_takes_keys_over_tls_alone() {
    let mut bench = Bench::new();
    let token = bench.token();
    bench.receive_by(&Script::invite(&token).text(1), by_tls());
    let Event::Incoming { session, .. } = bench.event() else {
        panic!("a call");
    };
    bench.accept(session);
    let tag = tag_of(&bench.response(200));
    let ack = Script::within("ACK", 1, &tag, &token).text(2);
    bench.receive_by(&ack, by_tls());
    bench.session_event();

    let reinvite = |number: u32| Script {
        body: OPTIONAL,
        ..Script::within("INVITE", number, &tag, &token).header("Content-Type: application/sdp")
    };
    bench.receive(&reinvite(2).text(3), PROXY);
    bench.response(488);
    bench.no_event();
    let ack = Script::within("ACK", 2, &tag, &token).text(3);
    bench.receive(&ack, PROXY);

    bench.receive_by(&reinvite(3).text(4), by_tls());
    let with_keys = Some(Bytes::from(OPTIONAL));
    assert_eq!(
        bench.session_event(),
        SessionEvent::Reinvite { sdp: with_keys }
    );
    answer_reinvite(&mut bench, session, OPTIONAL);
    assert_eq!(&bench.response(200).body[..], OPTIONAL.as_bytes());
}

#[test]
fn in_a_call_without_tls_the_peers_keys_count_for_nothing() {
    let mut bench = Bench::new();
    let (_, tag) = bench.called_and_answered();
    let token = bench.token();
    bench.incoming(&Script {
        body: OPTIONAL,
        ..Script::within("INVITE", 2, &tag, &token).header("Content-Type: application/sdp")
    });
    let plain = Some(Bytes::from(PLAIN));
    assert_eq!(bench.session_event(), SessionEvent::Reinvite { sdp: plain });
}

#[test]
fn laboratories_may_write_keys_everywhere() {
    let mut bench = Bench::with(UserAgentConfig {
        keys_in_clear: true,
        ..UserAgentConfig::default()
    });
    invite(&mut bench, REQUIRED);
    let invite = bench.request(Method::Invite);
    assert_eq!(&invite.body[..], REQUIRED.as_bytes());
}

#[test]
fn no_message_of_ours_holds_a_key_over_a_clear_hop_whatever_is_asked_of_us() {
    let mut bench = Bench::new();
    let (session, tag) = bench.called_and_answered();
    let token = bench.token();
    invite(&mut bench, OPTIONAL);
    for sdp in [OPTIONAL, REQUIRED, SDP] {
        for method in ["INVITE", "UPDATE"] {
            let number = 2 + u32::from(method == "UPDATE");
            bench.incoming(&Script::within(method, number, &tag, &token).with_sdp());
            answer_reinvite(&mut bench, session, sdp);
        }
        let sdp = Bytes::from(sdp);
        bench.command(Command::Reinvite { session, sdp });
        bench.pass_seconds(20);
    }
    let body = |message: &Message| String::from_utf8_lossy(message.body()).into_owned();
    let sent = bench.take_sent();
    assert!(sent.len() > 5);
    assert!(sent.iter().all(|message| !body(message).contains("SECRET")));
}

fn invite(bench: &mut Bench, sdp: &'static str) {
    bench.command(Command::Invite {
        account: alice(),
        session: call(1),
        target: "bob@example.com".to_owned(),
        sdp: Some(Bytes::from(sdp)),
        headers: Vec::new(),
    });
}

/// A call that came over TLS with these headers and was answered with keys; its route is a proxy
/// without TLS.
fn encrypted(headers: &[&str]) -> Bench {
    let mut bench = Bench::new();
    let token = bench.token();
    let invite = Script {
        body: OPTIONAL,
        ..Script::invite(&token)
    };
    let invite = headers.iter().fold(invite, |it, header| it.header(header));
    bench.receive_by(&invite.text(1), by_tls());
    let Event::Incoming { session, .. } = bench.event() else {
        panic!("a call");
    };
    bench.command(Command::Accept {
        session,
        sdp: Bytes::from(OPTIONAL),
        headers: Vec::new(),
    });
    let tag = tag_of(&bench.response(200));
    let ack = Script::within("ACK", 1, &tag, &token).text(2);
    bench.receive_by(&ack, by_tls());
    bench.session_event();
    bench.sent_nothing();
    bench
}

fn answer_reinvite(bench: &mut Bench, session: SessionId, sdp: &'static str) {
    bench.command(Command::AnswerReinvite {
        session,
        answer: Ok(Bytes::from(sdp)),
    });
}

fn reinvite_failed() -> SessionEvent {
    SessionEvent::ReinviteFailed {
        code: 488,
        phrase: "SRTP Requires TLS".to_owned(),
    }
}

fn by_tls() -> Source {
    Source {
        transport: Transport::Tls,
        flow: Some(FlowId(7)),
        ..source(PROXY)
    }
}
