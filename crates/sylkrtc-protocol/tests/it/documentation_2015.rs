//! The examples of the first public documentation (SylkServer's wiki, WebRTC, revision 12 of
//! 30 July 2015), its quotes made JSON and the reason without its trailing blank.

use serde_json::{Value, json};
use sylkrtc_protocol::{
    AccountAdd, AccountAddress, Dialect, Event, Ha1, Reason, RegistrationState, Request,
    Vocabulary, decode, encode_ack, encode_event,
};

#[test]
fn the_connection_begins_with_ready() {
    assert_eq!(
        written(&Event::Ready),
        json!({ "sylkrtc": "event", "event": "ready" })
    );
}

#[test]
fn add_account() {
    let text = json!({
        "account": "saghul@sip2sip.info",
        "password": "884edfee38ed471b8a15006700139485",
        "sylkrtc": "add_account",
        "transaction": "04013f0f-25bb-4082-a02f-44399df492ff",
    });
    let request = Request::AccountAdd(AccountAdd {
        account: account(),
        password: Ha1::from_hex("884edfee38ed471b8a15006700139485").unwrap(),
        display_name: None,
        user_agent: None,
        incoming_header_prefixes: Vec::new(),
        extensions: false,
        explicit_ringing: false,
        register: false,
    });
    assert_reads(&text, &request);
}

#[test]
fn remove_account() {
    let text = json!({
        "account": "saghul@sip2sip.info",
        "sylkrtc": "remove_account",
        "transaction": "bd3ee25d-5f16-4f76-b34e-8ac3fe0a4ac0",
    });
    assert_reads(&text, &Request::AccountRemove { account: account() });
}

#[test]
fn register() {
    let text = json!({
        "account": "saghul@sip2sip.info",
        "sylkrtc": "register",
        "transaction": "bcb87b0f-0cc7-42a9-897e-81f035910670",
    });
    assert_reads(&text, &Request::AccountRegister { account: account() });
}

#[test]
fn unregister() {
    let text = json!({
        "account": "saghul@sip2sip.info",
        "sylkrtc": "unregister",
        "transaction": "1c81eea0-b247-4ced-b3b3-3ced1eba810e",
    });
    assert_reads(&text, &Request::AccountUnregister { account: account() });
}

#[test]
fn the_progress_of_a_registration() {
    let registering = json!({
        "account": "saghul@sip2sip.info",
        "data": { "state": "registering" },
        "event": "registration_state",
        "sylkrtc": "account_event",
    });
    let registered = json!({
        "account": "saghul@sip2sip.info",
        "data": { "state": "registered" },
        "event": "registration_state",
        "sylkrtc": "account_event",
    });
    assert_eq!(
        written(&registration(RegistrationState::Registering)),
        registering
    );
    assert_eq!(
        written(&registration(RegistrationState::Registered)),
        registered
    );
}

#[test]
fn a_failed_registration() {
    let failed = json!({
        "account": "saghul@sip2sip.info",
        "data": { "reason": "904 Operation has no matching challenge", "state": "failed" },
        "event": "registration_state",
        "sylkrtc": "account_event",
    });
    // Sofia-SIP's phrase ends in a blank.
    for reason in [
        Reason::no_matching_challenge(),
        Reason::new(904, "Operation has no matching challenge "),
    ] {
        assert_eq!(
            written(&registration(RegistrationState::Failed { reason })),
            failed
        );
    }
}

fn assert_reads(text: &Value, request: &Request) {
    let incoming = decode(Dialect::V1, &text.to_string()).unwrap();
    assert_eq!(&incoming.request, request);
    assert_eq!(incoming.names, Vocabulary::Names2015);
    assert_eq!(incoming.decides_vocabulary(), Some(Vocabulary::Names2015));

    let ack: Value = serde_json::from_str(&encode_ack(Dialect::V1, &incoming.transaction)).unwrap();
    assert_eq!(
        ack,
        json!({ "sylkrtc": "ack", "transaction": text["transaction"] })
    );
}

fn registration(state: RegistrationState) -> Event {
    Event::RegistrationState {
        account: account(),
        state,
    }
}

fn account() -> AccountAddress {
    AccountAddress::parse("saghul@sip2sip.info").unwrap()
}

fn written(event: &Event) -> Value {
    let text = encode_event(Dialect::V1, Vocabulary::Names2015, event).unwrap();
    serde_json::from_str(&text).unwrap()
}
