//! Each request as JSON literal and as value, in each dialect and vocabulary that has it.

use std::time::Duration;

use serde_json::{Value, json};
use sylkrtc_protocol::{
    AccountAdd, AccountAddress, Candidate, Dialect, Ha1, Header, Incoming, LaterRequest, Refusal,
    Request, SessionAnswer, SessionCreate, SessionDtmfInfo, SessionId, SessionTerminate,
    SessionTrickle, Tones, Vocabulary, decode,
};

const HA1: &str = "884edfee38ed471b8a15006700139485";
const BOTH: [Dialect; 2] = [Dialect::V1, Dialect::V2];

#[test]
fn ping() {
    let incoming = reads(Dialect::V2, "ping", &json!({}), &Request::Ping);
    assert!(incoming.request.proves_early_media());
    assert_eq!(incoming.decides_vocabulary(), None);
}

#[test]
fn account_add() {
    let fields = json!({ "account": "alice@sylk.test", "password": HA1 });
    let request = Request::AccountAdd(bare_account());
    for dialect in BOTH {
        let incoming = reads(dialect, "account-add", &fields, &request);
        assert_eq!(incoming.decides_vocabulary(), Some(Vocabulary::Stable));
        assert!(!incoming.request.proves_early_media());
    }
    let incoming = reads(Dialect::V1, "add_account", &fields, &request);
    assert_eq!(incoming.decides_vocabulary(), Some(Vocabulary::Names2015));
}

#[test]
fn account_add_with_everything() {
    let fields = json!({
        "account": "sips:alice@sylk.test",
        "password": HA1.to_uppercase(),
        "display_name": " Alice ☎ ",
        "user_agent": "SylkRTC (Chrome 156.0.0.0 on Linux) - Phone 1.0",
        "incoming_header_prefixes": ["X-", "P-Asserted", "x-"],
    });
    let request = Request::AccountAdd(AccountAdd {
        display_name: Some("Alice ☎".to_owned()),
        user_agent: Some("SylkRTC (Chrome 156.0.0.0 on Linux) - Phone 1.0".to_owned()),
        incoming_header_prefixes: vec!["X-".to_owned(), "P-Asserted".to_owned()],
        ..bare_account()
    });
    for dialect in BOTH {
        reads(dialect, "account-add", &fields, &request);
    }
}

#[test]
fn null_and_blank_optional_fields_are_absent() {
    let fields = json!({
        "account": "alice@sylk.test", "password": HA1,
        "display_name": "", "user_agent": null, "incoming_header_prefixes": null,
    });
    for dialect in BOTH {
        reads(
            dialect,
            "account-add",
            &fields,
            &Request::AccountAdd(bare_account()),
        );
    }
}

#[test]
fn bind_adds_and_registers() {
    let fields = json!({ "account": "alice@sylk.test", "password": HA1 });
    let request = Request::AccountAdd(AccountAdd {
        register: true,
        ..bare_account()
    });
    let incoming = reads(Dialect::V1, "bind", &fields, &request);
    assert_eq!(incoming.decides_vocabulary(), Some(Vocabulary::Names2015));
}

#[test]
fn account_remove_register_unregister() {
    let account = || AccountAddress::parse("alice@sylk.test").unwrap();
    for (stable, of_2015, request) in [
        (
            "account-remove",
            "remove_account",
            Request::AccountRemove { account: account() },
        ),
        (
            "account-remove",
            "unbind",
            Request::AccountRemove { account: account() },
        ),
        (
            "account-register",
            "register",
            Request::AccountRegister { account: account() },
        ),
        (
            "account-unregister",
            "unregister",
            Request::AccountUnregister { account: account() },
        ),
    ] {
        for spelling in [
            "alice@sylk.test",
            "sip:alice@sylk.test",
            "SIPS:alice@sylk.test",
        ] {
            let fields = json!({ "account": spelling });
            for dialect in BOTH {
                let incoming = reads(dialect, stable, &fields, &request);
                assert_eq!(incoming.decides_vocabulary(), Some(Vocabulary::Stable));
            }
            let incoming = reads(Dialect::V1, of_2015, &fields, &request);
            assert_eq!(incoming.decides_vocabulary(), Some(Vocabulary::Names2015));
        }
    }
}

#[test]
fn session_create() {
    let fields = json!({
        "account": "alice@sylk.test", "session": "c0ffee", "uri": "sip:bob@sylk.test", "sdp": "v=0\r\n",
    });
    let request = Request::SessionCreate(bare_call());
    for dialect in BOTH {
        let incoming = reads(dialect, "session-create", &fields, &request);
        assert_eq!(incoming.decides_vocabulary(), None);
    }
    reads(Dialect::V1, "call", &fields, &request);
}

#[test]
fn session_create_with_headers() {
    let fields = json!({
        "account": "alice@sylk.test", "session": "c0ffee", "uri": "+49 30".replace(' ', ""), "sdp": "v=0\r\n",
        "headers": [{ "name": "X-Ticket", "value": " 4711 " }, { "name": "Subject", "value": "" }],
    });
    let header = |name: &str, value: &str| Header {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let request = Request::SessionCreate(SessionCreate {
        uri: "+4930".to_owned(),
        headers: vec![header("X-Ticket", "4711"), header("Subject", "")],
        ..bare_call()
    });
    reads(Dialect::V2, "session-create", &fields, &request);
}

#[test]
fn session_answer() {
    let fields = json!({ "session": "c0ffee", "sdp": "v=0\r\n", "headers": null });
    let request = Request::SessionAnswer(SessionAnswer {
        session: session(),
        sdp: "v=0\r\n".to_owned(),
        headers: Vec::new(),
    });
    for dialect in BOTH {
        reads(dialect, "session-answer", &fields, &request);
    }
    reads(Dialect::V1, "answer", &fields, &request);
}

#[test]
fn session_trickle() {
    let line = "candidate:1 1 udp 2122260223 192.0.2.1 46154 typ host";
    let fields = json!({
        "session": "c0ffee",
        "candidates": [{ "candidate": line, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "EsAw" }],
    });
    let request = trickle(
        vec![Candidate {
            line: line.to_owned(),
            mid: Some("0".to_owned()),
            m_line_index: Some(0),
        }],
        0,
    );
    for dialect in BOTH {
        reads(dialect, "session-trickle", &fields, &request);
    }
    reads(Dialect::V1, "trickle", &fields, &request);
}

#[test]
fn an_empty_array_ends_candidates() {
    let fields = json!({ "session": "c0ffee", "candidates": [] });
    for dialect in BOTH {
        let incoming = reads(dialect, "session-trickle", &fields, &trickle(Vec::new(), 0));
        assert!(
            matches!(incoming.request, Request::SessionTrickle(trickle) if trickle.ends_candidates())
        );
    }
}

#[test]
fn unusable_candidates_are_counted_and_never_refused() {
    let fields = json!({
        "session": "c0ffee",
        "candidates": [
            null, 5, "candidate:1", [], {}, { "candidate": null }, { "candidate": "x".repeat(100_000) },
            { "candidate": "", "sdpMid": null, "sdpMLineIndex": -1 },
            { "candidate": "nonsense", "sdpMid": 0, "sdpMLineIndex": 70_000 },
        ],
    });
    let bare = |line: &str| Candidate {
        line: line.to_owned(),
        mid: None,
        m_line_index: None,
    };
    for dialect in BOTH {
        let request = trickle(vec![bare(""), bare("nonsense")], 7);
        let incoming = reads(dialect, "session-trickle", &fields, &request);
        assert!(
            matches!(incoming.request, Request::SessionTrickle(trickle) if !trickle.ends_candidates())
        );
    }
}

#[test]
fn more_candidates_than_are_kept_are_counted() {
    let many: Vec<Value> = (0..100)
        .map(|n| json!({ "candidate": format!("candidate:{n}") }))
        .collect();
    let text = request(
        "session-trickle",
        &json!({ "session": "c0ffee", "candidates": many }),
    );
    let incoming = decode(Dialect::V2, &text).unwrap();
    let Request::SessionTrickle(trickle) = incoming.request else {
        panic!("{incoming:?}")
    };
    assert_eq!((trickle.candidates.len(), trickle.ignored), (64, 36));
}

#[test]
fn session_terminate() {
    let fields = json!({ "session": "c0ffee" });
    let request = terminate(None, None);
    for dialect in BOTH {
        reads(dialect, "session-terminate", &fields, &request);
    }
    reads(Dialect::V1, "terminate", &fields, &request);
}

#[test]
fn session_dtmf_info() {
    for (duration, milliseconds) in [
        (Value::Null, None),
        (json!(0), None),
        (json!(160), Some(160)),
        (json!(1), Some(40)),
        (json!(1_000_000), Some(6000)),
    ] {
        let fields = json!({ "session": "c0ffee", "digit": "12*#a", "duration": duration });
        let request = Request::SessionDtmfInfo(SessionDtmfInfo {
            session: session(),
            tones: Tones::parse("12*#A").unwrap(),
            duration: milliseconds.map(Duration::from_millis),
        });
        reads(Dialect::V2, "session-dtmf-info", &fields, &request);
    }
}

#[test]
fn later_requests_are_known_by_name() {
    use LaterRequest as L;
    let only_v2 = [
        ("lookup-public-key", L::LookupPublicKey),
        ("account-message", L::AccountMessage),
        (
            "account-disposition-notification",
            L::AccountDispositionNotification,
        ),
        ("account-sync-conversations", L::AccountSyncConversations),
        (
            "account-mark-conversation-read",
            L::AccountMarkConversationRead,
        ),
        ("account-remove-message", L::AccountRemoveMessage),
        ("account-remove-conversation", L::AccountRemoveConversation),
        ("account-fetch-addressbook", L::AccountFetchAddressbook),
        ("account-update-addressbook", L::AccountUpdateAddressbook),
        ("videoroom-leave", L::VideoroomLeave),
        ("videoroom-configure", L::VideoroomConfigure),
        ("videoroom-feed-attach", L::VideoroomFeedAttach),
        ("videoroom-feed-answer", L::VideoroomFeedAnswer),
        ("videoroom-feed-detach", L::VideoroomFeedDetach),
        ("videoroom-invite", L::VideoroomInvite),
        ("videoroom-session-trickle", L::VideoroomSessionTrickle),
        ("videoroom-session-update", L::VideoroomSessionUpdate),
        ("videoroom-message", L::VideoroomMessage),
        (
            "videoroom-composing-indication",
            L::VideoroomComposingIndication,
        ),
        (
            "videoroom-mute-audio-participants",
            L::VideoroomMuteAudioParticipants,
        ),
        ("videoroom-toggle-hand", L::VideoroomToggleHand),
    ];
    let both = [
        ("account-devicetoken", L::AccountDevicetoken),
        ("videoroom-join", L::VideoroomJoin),
    ];
    let only_v1 = [
        ("videoroom-ctl", L::VideoroomCtl),
        ("videoroom-terminate", L::VideoroomTerminate),
    ];

    let fields = json!({ "account": 5, "anything": { "at": ["all"] } });
    for (name, later) in only_v2.into_iter().chain(both) {
        let incoming = reads(Dialect::V2, name, &fields, &Request::Later(later));
        assert_eq!(
            incoming.request.proves_early_media(),
            later == L::AccountFetchAddressbook
        );
        assert_eq!(
            Refusal::NotSupportedYet(later).to_string(),
            format!("Request not supported yet: {name}")
        );
    }
    for (name, later) in only_v1.into_iter().chain(both) {
        reads(Dialect::V1, name, &fields, &Request::Later(later));
    }
}

#[test]
fn unknown_fields_are_ignored() {
    let fields =
        json!({ "session": "c0ffee", "data": {}, "account": 7, "event": null, "": [1.5e3] });
    for dialect in BOTH {
        reads(
            dialect,
            "session-terminate",
            &fields,
            &terminate(None, None),
        );
    }
}

#[test]
fn any_short_text_is_a_transaction() {
    for transaction in ["", "1", "\u{0}\"\\\n€😀", &"t".repeat(128)] {
        let text = json!({ "sylkrtc": "ping", "transaction": transaction }).to_string();
        assert_eq!(
            decode(Dialect::V2, &text).unwrap().transaction.as_str(),
            transaction
        );
    }
}

/// Asserts that the fields make that request.
fn reads(dialect: Dialect, name: &str, fields: &Value, expected: &Request) -> Incoming {
    let incoming = decode(dialect, &request(name, fields)).unwrap();
    assert_eq!(
        incoming.transaction.as_str(),
        "04013f0f-25bb-4082-a02f-44399df492ff"
    );
    assert_eq!(&incoming.request, expected);
    incoming
}

fn request(name: &str, fields: &Value) -> String {
    let mut text = fields.clone();
    text["sylkrtc"] = json!(name);
    text["transaction"] = json!("04013f0f-25bb-4082-a02f-44399df492ff");
    text.to_string()
}

fn terminate(code: Option<u16>, reason: Option<&str>) -> Request {
    Request::SessionTerminate(SessionTerminate {
        session: session(),
        code,
        reason: reason.map(str::to_owned),
    })
}

fn bare_account() -> AccountAdd {
    AccountAdd {
        account: AccountAddress::parse("alice@sylk.test").unwrap(),
        password: Ha1::from_hex(HA1).unwrap(),
        display_name: None,
        user_agent: None,
        incoming_header_prefixes: Vec::new(),
        extensions: false,
        explicit_ringing: false,
        register: false,
    }
}

fn bare_call() -> SessionCreate {
    SessionCreate {
        session: session(),
        account: AccountAddress::parse("alice@sylk.test").unwrap(),
        uri: "bob@sylk.test".to_owned(),
        sdp: "v=0\r\n".to_owned(),
        headers: Vec::new(),
    }
}

fn trickle(candidates: Vec<Candidate>, ignored: usize) -> Request {
    Request::SessionTrickle(SessionTrickle {
        session: session(),
        candidates,
        ignored,
    })
}

fn session() -> SessionId {
    SessionId::new("c0ffee").unwrap()
}
