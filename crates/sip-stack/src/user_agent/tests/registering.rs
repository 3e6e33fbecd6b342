//! Registration (RFC 3261 §10, RFC 3665 §2).

use super::bench::{Bench, PROXY, account, addr, alice, header, source};
use crate::account::{AccountConfig, Ha1};
use crate::command::Command;
use crate::event::RegistrationState;
use crate::message::{HeaderName, Method, Request};
use crate::transaction::TimerValues;
use crate::transport::{FlowId, Transport};
use crate::user_agent::UserAgentConfig;

const CHALLENGE: &str =
    "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n1\", qop=\"auth\", algorithm=MD5";

#[test]
fn registers_through_the_proxy_with_its_own_contact() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let (register, destination) = bench.request_to(Method::Register);

    assert_eq!(destination.addr, addr(PROXY));
    assert_eq!(register.uri.as_str(), "sip:example.com");
    assert_eq!(
        header(&register.headers, &HeaderName::Route),
        format!("<sip:{PROXY};lr>")
    );
    assert_eq!(
        header(&register.headers, &HeaderName::Contact),
        format!(
            "<sip:{}@192.0.2.1:5060>;+sip.instance=\
             \"<urn:uuid:00000000-0000-4000-8000-000000000001>\";reg-id=1",
            bench.token()
        )
    );
    assert_eq!(
        header(&register.headers, &HeaderName::Supported),
        "path, outbound, gruu"
    );
    assert_eq!(header(&register.headers, &HeaderName::Expires), "600");
}

#[test]
fn answers_a_challenge_under_the_same_call_id_and_the_next_number() {
    let mut bench = Bench::new();
    let first = challenged(&mut bench, CHALLENGE);
    let second = bench.request(Method::Register);

    assert_eq!(first.headers.call_id(), second.headers.call_id());
    assert_eq!(second.headers.cseq().unwrap().number, 2);
    let credentials = header(&second.headers, &HeaderName::Authorization);
    assert!(credentials.contains("nc=00000001"), "{credentials}");
    assert!(
        credentials.contains("uri=\"sip:example.com\""),
        "{credentials}"
    );

    bench.reply(&second, 200, &["Expires: 300"]);
    assert_eq!(
        bench.registration_states(),
        [
            RegistrationState::Registering,
            RegistrationState::Registered { expires: 300 }
        ]
    );
}

#[test]
fn a_refresh_reuses_the_nonce_and_is_no_event() {
    let mut bench = Bench::new();
    challenged(&mut bench, CHALLENGE);
    let second = bench.request(Method::Register);
    bench.reply(&second, 200, &["Expires: 300"]);
    bench.registration_states();

    bench.pass_until_sent(290);
    let refresh = bench.request(Method::Register);
    let credentials = header(&refresh.headers, &HeaderName::Authorization);
    assert!(credentials.contains("nc=00000002"), "{credentials}");
    bench.reply(&refresh, 200, &["Expires: 300"]);
    bench.no_event();
}

#[test]
fn the_next_nonce_is_taken_from_authentication_info() {
    let mut bench = Bench::new();
    challenged(&mut bench, CHALLENGE);
    let second = bench.request(Method::Register);
    bench.reply(
        &second,
        200,
        &["Expires: 300", "Authentication-Info: nextnonce=\"n2\""],
    );

    bench.pass_until_sent(290);
    let refresh = bench.request(Method::Register);
    let credentials = header(&refresh.headers, &HeaderName::Authorization);
    assert!(credentials.contains("nonce=\"n2\""), "{credentials}");
    assert!(credentials.contains("nc=00000001"), "{credentials}");
}

#[test]
fn a_wrong_password_ends_in_904_and_stops() {
    let mut bench = Bench::new();
    challenged(&mut bench, CHALLENGE);
    let second = bench.request(Method::Register);
    bench.reply(&second, 401, &[&CHALLENGE.replace("n1", "n2")]);

    assert_failed(&mut bench, "904 Operation has no matching challenge", false);
    bench.pass_seconds(7200);
    bench.sent_nothing();
}

#[test]
fn a_stale_nonce_is_replaced() {
    let mut bench = Bench::new();
    challenged(&mut bench, CHALLENGE);
    let second = bench.request(Method::Register);
    let stale = format!("{}, stale=true", CHALLENGE.replace("n1", "n2"));
    bench.reply(&second, 401, &[&stale]);

    let third = bench.request(Method::Register);
    assert!(header(&third.headers, &HeaderName::Authorization).contains("nonce=\"n2\""));
    assert_eq!(third.headers.cseq().unwrap().number, 3);
}

#[test]
fn a_registrar_that_finds_every_nonce_stale_is_given_up() {
    let mut bench = Bench::new();
    challenged(&mut bench, CHALLENGE);
    for round in 0..20 {
        let Some(again) = bench.next_register() else {
            assert!(round > 2);
            return assert_failed(&mut bench, "904 Operation has no matching challenge", false);
        };
        bench.reply(&again, 401, &[&format!("{CHALLENGE}, stale=true")]);
    }
    panic!("still answering");
}

#[test]
fn a_challenge_to_a_reused_nonce_counts_as_a_first_one() {
    let mut bench = Bench::new();
    challenged(&mut bench, CHALLENGE);
    let second = bench.request(Method::Register);
    bench.reply(&second, 200, &["Expires: 300"]);
    bench.registration_states();

    bench.pass_until_sent(290);
    let refresh = bench.request(Method::Register);
    bench.reply(&refresh, 401, &[&CHALLENGE.replace("n1", "n9")]);
    let again = bench.request(Method::Register);
    assert!(header(&again.headers, &HeaderName::Authorization).contains("nonce=\"n9\""));
    bench.reply(&again, 200, &["Expires: 300"]);
    bench.no_event();
}

#[test]
fn proxy_and_registrar_may_challenge_one_after_the_other() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let first = bench.request(Method::Register);
    let proxy = CHALLENGE.replace("WWW-", "Proxy-").replace("n1", "p1");
    bench.reply(&first, 407, &[&proxy]);
    let second = bench.request(Method::Register);
    bench.reply(&second, 401, &[CHALLENGE]);
    let third = bench.request(Method::Register);

    assert!(header(&third.headers, &HeaderName::Authorization).contains("n1"));
    let to_proxy = header(&third.headers, &HeaderName::ProxyAuthorization);
    assert!(
        to_proxy.contains("p1") && to_proxy.contains("nc=00000002"),
        "{to_proxy}"
    );
}

#[test]
fn md5_is_chosen_among_several_algorithms_and_its_absence_said_so() {
    let mut bench = Bench::new();
    let sha = CHALLENGE.replace("MD5", "SHA-256");
    bench.command(Command::Register { account: alice() });
    let first = bench.request(Method::Register);
    bench.reply(&first, 401, &[&sha, CHALLENGE]);
    let second = bench.request(Method::Register);
    assert!(header(&second.headers, &HeaderName::Authorization).contains("algorithm=MD5"));

    bench.reply(&second, 401, &[&sha]);
    assert_failed(&mut bench, "401 Challenge Needs More Than MD5", false);
}

#[test]
fn once_pinned_another_realm_is_not_answered() {
    let mut bench = Bench::new();
    challenged(&mut bench, &CHALLENGE.replace("example.com", "asterisk"));
    let second = bench.request(Method::Register);
    bench.reply(&second, 200, &["Expires: 300"]);
    bench.registration_states();

    bench.pass_until_sent(290);
    let refresh = bench.request(Method::Register);
    bench.reply(&refresh, 401, &[&CHALLENGE.replace("example.com", "evil")]);
    assert_failed_only(&mut bench, "401 Challenge of Another Realm", false);
}

#[test]
fn configured_realms_restrict_from_the_beginning() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.add(AccountConfig {
        realms: vec!["pbx".to_owned()],
        ..account()
    });
    challenged(&mut bench, &CHALLENGE.replace("example.com", "evil"));
    assert_failed(&mut bench, "401 Challenge of Another Realm", false);
    challenged(&mut bench, &CHALLENGE.replace("example.com", "pbx"));
    bench.request(Method::Register);
}

#[test]
fn a_refusal_stops_until_the_application_asks_again() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.reply(&register, 403, &[]);
    assert_failed(&mut bench, "403 Forbidden", false);
    bench.pass_seconds(7200);
    bench.sent_nothing();

    bench.register();
}

#[test]
fn the_registrar_may_ask_for_a_longer_duration() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.reply(&register, 423, &["Min-Expires: 1800"]);
    let again = bench.request(Method::Register);
    assert_eq!(header(&again.headers, &HeaderName::Expires), "1800");
    bench.reply(&again, 423, &["Min-Expires: 60"]);
    assert_failed(&mut bench, "423 Interval Too Brief", false);
}

#[test]
fn an_unreachable_registrar_is_tried_again_and_recovery_is_told() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    bench.pass(TimerValues::default().give_up());
    assert_failed(&mut bench, "408 Request Timeout", true);

    bench.forget_sent();
    bench.pass_seconds(31);
    let again = bench.request(Method::Register);
    bench.reply(&again, 200, &["Expires: 60"]);
    assert_eq!(
        bench.registration_states(),
        [RegistrationState::Registered { expires: 60 }]
    );
}

#[test]
fn retry_after_is_obeyed() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.reply(&register, 500, &["Retry-After: 200 (busy)"]);
    assert_failed(&mut bench, "500 Server Internal Error", true);
    bench.pass_seconds(199);
    bench.sent_nothing();
    bench.pass_seconds(25);
    bench.request(Method::Register);
}

#[test]
fn a_binding_that_cannot_be_refreshed_is_told_when_it_ends() {
    let mut bench = Bench::registered();
    bench.pass_seconds(590);
    bench.no_event();
    bench.pass_seconds(10);
    assert_failed_only(&mut bench, "408 Request Timeout", true);
}

#[test]
fn registering_again_is_told_and_keeps_the_call_id() {
    let mut bench = Bench::new();
    bench.register();
    bench.register();
}

#[test]
fn unregisters_its_own_contact_only() {
    let mut bench = Bench::registered();
    bench.command(Command::Unregister { account: alice() });
    assert_eq!(
        bench.registration_states(),
        [RegistrationState::Unregistered]
    );
    let (register, destination) = bench.request_to(Method::Register);
    assert_eq!(header(&register.headers, &HeaderName::Expires), "0");
    assert!(header(&register.headers, &HeaderName::Contact).contains(&bench.token()));
    assert_eq!(destination.flow, Some(FlowId(0)));
    bench.reply(&register, 200, &[]);
    bench.no_event();
    assert_eq!(bench.ua.counts().registrations, 0);
    bench.is_empty_after(40);
}

#[test]
fn unregistering_while_registering_waits_for_its_turn() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.command(Command::Unregister { account: alice() });
    bench.sent_nothing();
    bench.reply(&register, 200, &["Expires: 600"]);
    let unregister = bench.request(Method::Register);
    assert_eq!(header(&unregister.headers, &HeaderName::Expires), "0");
    assert_eq!(unregister.headers.cseq().unwrap().number, 2);
    assert_eq!(
        bench.registration_states(),
        [
            RegistrationState::Registering,
            RegistrationState::Unregistered
        ]
    );
}

#[test]
fn a_removed_account_unregisters_in_the_background() {
    let mut bench = Bench::registered();
    bench.command(Command::RemoveAccount { account: alice() });
    let unregister = bench.request(Method::Register);
    assert_eq!(bench.ua.counts().accounts, 1);
    bench.reply(&unregister, 401, &[CHALLENGE]);
    let again = bench.request(Method::Register);
    bench.reply(&again, 200, &[]);
    assert_eq!(bench.ua.counts().accounts, 0);
    bench.is_empty_after(40);
}

#[test]
fn a_lost_connection_is_registered_anew() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    let text = format!(
        "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: <sip:alice@example.com>;tag=x\r\n\
         Call-ID: {}\r\nCSeq: 1 REGISTER\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n",
        header(&register.headers, &HeaderName::Via),
        header(&register.headers, &HeaderName::From),
        header(&register.headers, &HeaderName::CallId),
    );
    let mut over_tcp = source(PROXY);
    over_tcp.transport = Transport::Tcp;
    over_tcp.flow = Some(FlowId(42));
    bench.receive_by(&text, over_tcp);

    bench.close_flow(FlowId(42));
    let (_, destination) = bench.request_to(Method::Register);
    assert_eq!(destination.flow, None);
}

#[test]
fn service_route_is_replayed_behind_the_proxy() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.reply(&register, 200, &["Service-Route: <sip:s1;lr>, <sip:s2;lr>"]);
    bench.registration_states();
    let invite = bench.invite(1, "bob");
    assert_eq!(
        invite.headers.texts(&HeaderName::Route),
        [&format!("<sip:{PROXY};lr>"), "<sip:s1;lr>", "<sip:s2;lr>"]
    );
}

#[test]
fn the_service_route_ends_with_the_registration() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.reply(&register, 200, &["Service-Route: <sip:s1;lr>"]);
    bench.command(Command::Unregister { account: alice() });
    let unregister = bench.request(Method::Register);
    bench.reply(&unregister, 200, &[]);
    bench.registration_states();
    let invite = bench.invite(1, "bob");
    assert_eq!(
        invite.headers.texts(&HeaderName::Route),
        [format!("<sip:{PROXY};lr>")]
    );
}

#[test]
fn an_unknown_account_cannot_register() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.command(Command::Register { account: alice() });
    assert_failed_only(&mut bench, "404 No Such Account", false);
}

#[test]
fn a_domain_that_does_not_exist_is_told() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    let ha1 = Ha1::new([0; 16]);
    bench.add(AccountConfig::new("alice@nowhere.example", ha1, "x"));
    bench.command(Command::Register { account: alice() });
    assert_failed(&mut bench, "404 DNS lookup error: no results found", true);
}

fn challenged(bench: &mut Bench, challenge: &str) -> Request {
    bench.command(Command::Register { account: alice() });
    let first = bench.request(Method::Register);
    bench.reply(&first, 401, &[challenge]);
    first
}

fn assert_failed(bench: &mut Bench, reason: &str, retrying: bool) {
    let states = bench.registration_states();
    assert_eq!(states[0], RegistrationState::Registering);
    assert_is_failure(&states[1..], reason, retrying);
}

fn assert_failed_only(bench: &mut Bench, reason: &str, retrying: bool) {
    let states = bench.registration_states();
    assert_is_failure(&states, reason, retrying);
}

fn assert_is_failure(states: &[RegistrationState], expected: &str, retry: bool) {
    match states {
        [RegistrationState::Failed { reason, retrying }] => {
            assert_eq!(reason.to_string(), expected);
            assert_eq!(*retrying, retry);
        }
        other => panic!("expected one failure, not {other:?}"),
    }
}

impl Bench {
    fn next_register(&mut self) -> Option<Request> {
        (self.count_pending() > 0).then(|| self.request(Method::Register))
    }
}

#[test]
fn without_a_listener_the_calls_contact_is_our_end_of_the_registrars_connection() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    let via = header(&register.headers, &HeaderName::Via);
    let via = via.replace(";rport", ";rport=40001;received=203.0.113.5");
    let text = format!(
        "SIP/2.0 200 OK\r\nVia: {via}\r\nFrom: {}\r\nTo: <sip:alice@example.com>;tag=x\r\n\
         Call-ID: {}\r\nCSeq: 1 REGISTER\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n",
        header(&register.headers, &HeaderName::From),
        header(&register.headers, &HeaderName::CallId),
    );
    let mut over_tls = source(PROXY);
    over_tls.transport = Transport::Tls;
    over_tls.flow = Some(FlowId(42));
    bench.receive_by(&text, over_tls);
    bench.registration_states();

    let invite = bench.invite(1, "bob");
    assert_eq!(
        header(&invite.headers, &HeaderName::Contact),
        format!("<sip:{}@203.0.113.5:40001;transport=tls>", bench.token())
    );
}
