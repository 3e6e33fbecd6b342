//! Calls up to the point where a browser's media is needed (sylkrtc.md section 5). Media itself is
//! tested with real browsers.

use serde_json::{Value, json};

use crate::client::{Client, OFFER, Stage};
use crate::phone::{Request, SDP};

#[tokio::test]
async fn an_answered_call_is_acknowledged_before_its_events_and_ended_by_bye() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    let invite = calls(&stage, &mut alice).await;
    assert!(invite.text.contains("m=audio"), "{}", invite.text);
    stage.phone.answer(&invite, "180 Ringing", "", "").await;
    alice.expect_state("call", "ringing").await;
    stage.phone.answer(&invite, "200 OK", "", SDP).await;
    let accepted = alice.expect_state("call", "accepted").await;
    assert!(
        accepted["sdp"]
            .as_str()
            .is_some_and(|sdp| sdp.contains("a=ice-lite")),
        "{accepted}"
    );
    assert_eq!(accepted["call_id"], invite.header("Call-ID"));
    stage.phone.expect("ACK").await;

    let transaction = alice.ask(terminate()).await;
    alice
        .expect(&json!({"sylkrtc": "ack", "transaction": transaction}))
        .await;
    let terminated = alice.expect_state("call", "terminated").await;
    assert_eq!(terminated["reason"], "200 to BYE");
    let bye = stage.phone.expect("BYE").await;
    stage.phone.answer(&bye, "200 OK", "", "").await;
    // Late candidates and a late hang-up do no harm.
    alice.ask_ok(trickle()).await;
    alice.ask_ok(terminate()).await;
    drop(alice);
    stage.at_rest().await;
}

#[tokio::test]
async fn early_media_carries_the_sdp_only_for_a_client_that_takes_it() {
    for knows in [false, true] {
        let stage = Stage::new().await;
        let mut alice = stage.alice().await;
        if knows {
            alice.ask_ok(json!({"sylkrtc": "ping"})).await;
        }
        let invite = calls(&stage, &mut alice).await;
        stage
            .phone
            .answer(&invite, "183 Session Progress", "", SDP)
            .await;
        let early = alice.expect_state("call", "early-media").await;
        assert_eq!(early.get("sdp").is_some(), knows, "{early}");
        assert_eq!(early["call_id"], invite.header("Call-ID"));
        stage.phone.answer(&invite, "200 OK", "", SDP).await;
        let accepted = alice.expect_state("call", "accepted").await;
        assert_eq!(accepted.get("sdp").is_some(), !knows, "{accepted}");
    }
}

#[tokio::test]
async fn a_rejected_call_tells_the_phones_reason_once() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    let invite = calls(&stage, &mut alice).await;
    stage.phone.answer(&invite, "486 Busy Here", "", "").await;
    let terminated = alice.expect_state("call", "terminated").await;
    assert_eq!(terminated["reason"], "486 Busy Here");
    alice.ask_ok(json!({"sylkrtc": "ping"})).await;
}

#[tokio::test]
async fn a_cancelled_call_is_over_at_once_and_cancelled_at_the_phone() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    let invite = calls(&stage, &mut alice).await;
    stage.phone.answer(&invite, "180 Ringing", "", "").await;
    alice.expect_state("call", "ringing").await;
    alice.ask_ok(terminate()).await;
    let terminated = alice.expect_state("call", "terminated").await;
    assert_eq!(terminated["reason"], "487 Request Terminated");
    let cancel = stage.phone.expect("CANCEL").await;
    stage.phone.answer(&cancel, "200 OK", "", "").await;
    stage
        .phone
        .answer(&invite, "487 Request Terminated", "", "")
        .await;
    stage.phone.expect("ACK").await;
}

#[tokio::test]
async fn a_caller_who_gives_up_is_told_as_terminated_and_then_as_missed() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    let register = registers(&stage, &mut alice).await;
    stage.phone.invite(&register, "incoming").await;
    stage.phone.expect_status(180).await;
    let incoming = alice.hear().await;
    assert_eq!(incoming["event"], "incoming-session", "{incoming}");
    // MD5 of the Call-ID, in the shape of a UUID.
    assert_eq!(incoming["session"], md5_id("incoming"));
    assert_eq!(incoming["call_id"], "incoming");
    assert_eq!(
        incoming["originator"],
        json!({"uri": "bob@sylk.test", "display_name": "Bob"})
    );
    assert!(
        incoming["sdp"]
            .as_str()
            .is_some_and(|sdp| sdp.contains("a=sendrecv")),
        "{incoming}"
    );

    stage.phone.cancel(&register, "incoming").await;
    let session = md5_id("incoming");
    let terminated = alice.expect_state(&session, "terminated").await;
    assert_eq!(terminated["reason"], "487 Request Terminated");
    let missed = alice.hear().await;
    assert_eq!(missed["event"], "missed-session", "{missed}");
    assert_eq!(missed["originator"]["uri"], "bob@sylk.test");
}

#[tokio::test]
async fn a_rejected_caller_gets_486_and_is_not_missed() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    let register = registers(&stage, &mut alice).await;
    stage.phone.invite(&register, "incoming").await;
    let session = alice.hear().await["session"]
        .as_str()
        .expect("a session")
        .to_owned();
    alice
        .ask_ok(json!({"sylkrtc": "session-terminate", "session": session}))
        .await;
    stage.phone.expect_status(486).await;
    let terminated = alice.expect_state(&session, "terminated").await;
    assert_eq!(terminated["reason"], "486 Busy Here");
    alice.ask_ok(json!({"sylkrtc": "ping"})).await;
}

#[tokio::test]
async fn one_call_more_than_allowed_is_an_error_to_the_page_and_486_to_the_phone() {
    let stage = Stage::with("[limits]\ncalls_per_account = 1\n").await;
    let mut alice = stage.alice().await;
    let register = registers(&stage, &mut alice).await;
    calls(&stage, &mut alice).await;
    let mut second = create();
    second["session"] = json!("second");
    alice
        .ask_error(second, "Too many sessions (at most 1)")
        .await;
    stage.phone.invite(&register, "incoming").await;
    stage.phone.expect_status(486).await;
    let missed = alice.hear().await;
    assert_eq!(missed["event"], "missed-session", "{missed}");
}

#[tokio::test]
async fn requests_about_calls_that_are_not_are_refused_in_the_words_of_old() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    let mut stranger = create();
    stranger["account"] = json!("bob@sylk.test");
    alice
        .ask_error(stranger, "Unknown account specified: bob@sylk.test")
        .await;
    for request in [
        terminate(),
        trickle(),
        json!({"sylkrtc": "session-answer", "session": "call", "sdp": OFFER}),
    ] {
        alice.ask_error(request, "Unknown session call").await;
    }
    calls(&stage, &mut alice).await;
    alice
        .ask_error(create(), "Session ID call already in use")
        .await;
    let answer = json!({"sylkrtc": "session-answer", "session": "call", "sdp": OFFER});
    alice
        .ask_error(answer, "Cannot answer outgoing session call")
        .await;
    let tones = json!({"sylkrtc": "session-dtmf-info", "session": "call", "digit": "5"});
    alice
        .ask_error(tones, "Invalid state session call: progress for DTMF info")
        .await;
}

#[tokio::test]
async fn an_offer_that_cannot_be_used_is_an_error_and_no_call() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    let mut request = create();
    request["sdp"] = json!("v=0\r\n");
    alice.ask(request).await;
    let error = alice.hear().await;
    assert_eq!(error["code"], "unusable-sdp", "{error}");
    drop(alice);
    stage.at_rest().await;
}

#[tokio::test]
async fn one_client_cannot_touch_the_call_of_another() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    calls(&stage, &mut alice).await;
    let mut mallory = stage.client().await;
    mallory.ask_error(terminate(), "Unknown session call").await;
    mallory
        .ask_error(create(), "Unknown account specified: alice@sylk.test")
        .await;
    alice.ask_ok(trickle()).await;
}

#[tokio::test]
async fn a_lost_socket_hangs_up_and_leaves_nothing() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    let invite = calls(&stage, &mut alice).await;
    stage.phone.answer(&invite, "200 OK", "", SDP).await;
    alice.expect_state("call", "accepted").await;
    drop(alice);
    let bye = stage.phone.expect("BYE").await;
    stage.phone.answer(&bye, "200 OK", "", "").await;
    stage.at_rest().await;
}

/// Places the call `call`; the phone has the INVITE and the client has heard `progress`.
async fn calls(stage: &Stage, client: &mut Client) -> Request {
    client.ask_ok(create()).await;
    client.expect_state("call", "progress").await;
    stage.phone.expect("INVITE").await
}

/// Registers alice and gives the REGISTER, whose Contact can be called.
async fn registers(stage: &Stage, alice: &mut Client) -> Request {
    alice
        .ask_ok(json!({"sylkrtc": "account-register", "account": "alice@sylk.test"}))
        .await;
    let register = stage.phone.registers().await;
    assert_eq!(alice.hear().await["state"], "registering");
    assert_eq!(alice.hear().await["state"], "registered");
    register
}

fn create() -> Value {
    json!({
        "sylkrtc": "session-create",
        "account": "alice@sylk.test",
        "session": "call",
        "uri": "bob@sylk.test",
        "sdp": OFFER,
    })
}

fn terminate() -> Value {
    json!({"sylkrtc": "session-terminate", "session": "call"})
}

fn trickle() -> Value {
    json!({"sylkrtc": "session-trickle", "session": "call", "candidates": []})
}

fn md5_id(call_id: &str) -> String {
    sylk_gateway::call::dashed_session_id(call_id)
}
