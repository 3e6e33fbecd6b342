//! Who is believed to be an account's own registrar or proxy, and what that is worth.

use super::bench::{
    Bench, OURS, PROXY, SECOND_PROXY, STRANGER, Script, account, alice, call, response_text, source,
};
use crate::account::{AccountConfig, Ha1};
use crate::command::Command;
use crate::event::SessionEvent;
use crate::message::{HeaderName, HeaderValue, Method, Request, Uri};
use crate::user_agent::UserAgentConfig;

const REGISTRAR_CHALLENGE: &str =
    "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n1\", qop=\"auth\"";
const PROXY_CHALLENGE: &str =
    "Proxy-Authenticate: Digest realm=\"example.com\", nonce=\"p1\", qop=\"auth\"";

#[test]
fn who_answers_in_the_registrars_place_does_not_become_known() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.reply_from(STRANGER, &register, 200, &["Expires: 600"]);
    bench.take_events();
    options(&mut bench, STRANGER);
    bench.sent_nothing();
    assert_eq!(bench.ua.dropped(), 1);

    bench.pass_until_sent(600);
    let refresh = bench.request(Method::Register);
    bench.reply(&refresh, 200, &["Expires: 600"]);
    options(&mut bench, PROXY);
    bench.response(200);
}

#[test]
fn who_answers_in_the_proxys_place_does_not_become_known() {
    let mut bench = Bench::registered();
    let invite = bench.invite(1, "bob");
    bench.reply_from(STRANGER, &invite, 180, &[]);
    options(&mut bench, STRANGER);
    bench.sent_nothing();
    options(&mut bench, PROXY);
    bench.response(200);
}

#[test]
fn a_challenge_from_elsewhere_than_where_we_asked_is_not_answered() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob");
    bench.reply_from(STRANGER, &invite, 407, &[PROXY_CHALLENGE]);
    assert_eq!(bench.ended(), "407 Challenge of Another Server");
    bench.request(Method::Ack);
    bench.sent_nothing();

    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.reply_from(STRANGER, &register, 401, &[REGISTRAR_CHALLENGE]);
    bench.sent_nothing();
}

#[test]
fn before_any_registration_a_call_is_answered_for_in_its_own_realm_only() {
    let mut bench = Bench::new();
    let invite = bench.invite(1, "bob@evil.example");
    let evil = PROXY_CHALLENGE.replace("example.com", "evil.example");
    bench.reply(&invite, 407, &[&evil]);
    assert_eq!(bench.ended(), "407 Challenge of Another Realm");
    bench.request(Method::Ack);

    let invite = bench.invite(2, "bob@evil.example");
    bench.reply(&invite, 407, &[PROXY_CHALLENGE]);
    bench.request(Method::Ack);
    bench.request(Method::Invite);
}

#[test]
fn every_proxy_of_a_cluster_that_has_served_us_may_challenge_our_bye() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    let ha1 = Ha1::compute("alice", "cluster.example", "secret");
    bench.add(AccountConfig {
        outbound_proxy: None,
        aor: "alice@cluster.example".to_owned(),
        ha1,
        ..account()
    });
    bench.register();
    let invite = bench.invite(1, "bob");
    bench.reply(&invite, 503, &[]);
    bench.request(Method::Ack);
    let (invite, destination) = bench.request_to(Method::Invite);
    assert_eq!(destination.addr.to_string(), SECOND_PROXY);
    answer_from(&mut bench, SECOND_PROXY, &invite, "v=0\r\n");
    bench.request(Method::Ack);
    assert!(matches!(
        bench.session_event(),
        SessionEvent::Accepted { .. }
    ));

    bench.pass_until_sent(600);
    let (refresh, destination) = bench.request_to(Method::Register);
    assert_eq!(destination.addr.to_string(), PROXY);
    bench.reply(&refresh, 200, &["Expires: 600"]);
    bench.hang_up(call(1));
    let bye = bench.request(Method::Bye);
    let challenge = PROXY_CHALLENGE.replace("example.com", "cluster.example");
    bench.reply_from(SECOND_PROXY, &bye, 407, &[&challenge]);
    let again = bench.request(Method::Bye);
    assert!(again.headers.contains(&HeaderName::ProxyAuthorization));
}

#[test]
fn credentials_go_to_the_server_that_challenged() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.add(AccountConfig {
        outbound_proxy: None,
        aor: "alice@farm.example".to_owned(),
        ha1: Ha1::compute("alice", "farm.example", "secret"),
        ..account()
    });
    bench.command(Command::Register { account: alice() });
    let (register, asked) = bench.request_to(Method::Register);
    assert_eq!(asked.addr.to_string(), PROXY);
    let challenge = REGISTRAR_CHALLENGE.replace("example.com", "farm.example");
    bench.reply(&register, 401, &[&challenge]);
    let (register, asked) = bench.request_to(Method::Register);
    assert!(register.headers.contains(&HeaderName::Authorization));
    assert_eq!(asked.addr.to_string(), PROXY);
    bench.reply(&register, 200, &["Expires: 600"]);

    bench.take_events();
    let invite = bench.invite(1, "bob");
    let challenge = PROXY_CHALLENGE.replace("example.com", "farm.example");
    bench.reply_from(SECOND_PROXY, &invite, 407, &[&challenge]);
    bench.request(Method::Ack);
    let (_, asked) = bench.request_to(Method::Invite);
    assert_eq!(asked.addr.to_string(), SECOND_PROXY);
}

#[test]
fn our_call_that_comes_back_to_us_is_482_and_rings_at_others() {
    let mut bench = Bench::registered();
    let token = bench.token();
    let invite = bench.invite(1, "alice");
    bench.receive_message(returned(&invite, &token).into(), source(PROXY));
    bench.response(482);
    bench.no_event();
    bench.reply(&invite, 482, &[]);
    assert_eq!(bench.ended(), "482 Loop Detected");
}

/// An INVITE of ours as a proxy brings it back to our Contact.
fn returned(invite: &Request, token: &str) -> Request {
    let mut back = invite.clone();
    back.uri = Uri::parse(&format!("sip:{token}@{}", OURS)).unwrap();
    let via = format!("SIP/2.0/UDP {PROXY};branch=z9hG4bKproxy");
    let via = HeaderValue::new(via).unwrap();
    back.headers.push_front(HeaderName::Via, via);
    back
}

fn answer_from(bench: &mut Bench, from: &str, invite: &Request, sdp: &str) {
    let headers = [
        "Contact: <sip:them@198.51.100.2>",
        "Content-Type: application/sdp",
    ];
    let text = response_text(invite, 200, "them", &headers, sdp);
    bench.receive(&text, from);
}

fn options(bench: &mut Bench, from: &'static str) {
    bench.incoming(&Script {
        method: "OPTIONS",
        uri: format!("sip:{}", OURS),
        headers: Vec::new(),
        body: "",
        from_addr: from,
        ..Script::invite("nobody")
    });
}
