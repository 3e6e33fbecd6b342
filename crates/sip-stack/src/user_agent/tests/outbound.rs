//! What registrars and edge proxies ask of a binding: outbound (RFC 5626), GRUU (RFC 5627),
//! the shortest duration of a domain; and calls that outlive their connection.

use super::bench::{Bench, PROXY, Script, account, alice, header, source};
use crate::account::{AccountConfig, AccountId};
use crate::command::Command;
use crate::message::{HeaderName, Method, Request};
use crate::transport::{FlowId, Source, Transport};
use crate::user_agent::{RegistrationPhase, UserAgentConfig};

#[test]
fn a_first_hop_without_outbound_is_asked_again_without_reg_id() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    assert!(header(&register.headers, &HeaderName::Contact).ends_with(";reg-id=1"));
    bench.reply(&register, 439, &[]);

    let again = bench.request(Method::Register);
    let contact = header(&again.headers, &HeaderName::Contact);
    assert!(contact.contains("+sip.instance=") && !contact.contains("reg-id"));
    assert_eq!(header(&again.headers, &HeaderName::Supported), "path, gruu");
    assert_eq!(again.headers.cseq().unwrap().number, 2);
    bench.reply(&again, 439, &[]);
    bench.sent_nothing();
}

#[test]
fn calls_ask_for_the_flow_where_the_registrar_keeps_it() {
    let mut bench = Bench::new();
    bench.register();
    let plain = bench.invite(1, "bob");
    assert!(!header(&plain.headers, &HeaderName::Contact).contains(";ob"));

    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.reply(&register, 200, &["Expires: 600", "Require: outbound"]);
    bench.registration_states();
    let kept = bench.invite(2, "bob");
    assert!(header(&kept.headers, &HeaderName::Contact).ends_with(";ob>"));
}

#[test]
fn the_registration_can_be_looked_at() {
    let mut bench = Bench::new();
    let info = |bench: &Bench| bench.ua.registrations(bench.now).next().unwrap();
    assert_eq!(info(&bench).phase, RegistrationPhase::Idle);
    assert_eq!(info(&bench).last_code, None);

    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    assert_eq!(info(&bench).phase, RegistrationPhase::Requesting);
    let contact = header(&register.headers, &HeaderName::Contact);
    let contact = format!("Contact: {contact};expires=60;pub-gruu=\"sip:alice@example.com;gr=1\"");
    bench.reply(&register, 200, &[&contact]);

    let info = info(&bench);
    assert_eq!(info.last_code, Some(200));
    assert!(matches!(info.phase, RegistrationPhase::Waiting(_)));
    assert_eq!(info.flow, Some((Transport::Udp, FlowId(0))));
    assert_eq!(
        info.public_gruu.as_deref(),
        Some("sip:alice@example.com;gr=1")
    );
}

#[test]
fn the_shortest_duration_of_a_domain_is_known_to_its_other_accounts() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.reply(&register, 423, &["Min-Expires: 1800"]);
    let again = bench.request(Method::Register);
    bench.reply(&again, 200, &["Expires: 1800"]);

    let other = AccountId::new(2);
    bench.command(Command::AddAccount {
        account: other,
        config: AccountConfig {
            aor: "carol@example.com".to_owned(),
            ..account()
        },
    });
    bench.command(Command::Register { account: other });
    let first = bench.request(Method::Register);
    assert_eq!(header(&first.headers, &HeaderName::Expires), "1800");
}

#[test]
fn two_devices_of_one_address_register_one_after_the_other() {
    let mut bench = Bench::new();
    let other = AccountId::new(2);
    bench.command(Command::AddAccount {
        account: other,
        config: AccountConfig {
            instance: "00000000-0000-4000-8000-000000000002".to_owned(),
            ..account()
        },
    });
    bench.command(Command::Register { account: alice() });
    bench.command(Command::Register { account: other });
    let first = bench.request(Method::Register);
    bench.sent_nothing();
    bench.reply(&first, 200, &["Expires: 600"]);
    let second = bench.request(Method::Register);
    let contact = header(&second.headers, &HeaderName::Contact);
    assert!(contact.contains("000000000002"), "{contact}");
}

#[test]
fn a_call_moves_to_the_connection_that_replaces_its_own() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.add(account());
    register_over(&mut bench, 41);
    bench.registration_states();
    let token = bench.token();
    bench.receive_by(&Script::invite(&token).text(1), over(41));
    let session = match bench.event() {
        crate::event::Event::Incoming { session, .. } => session,
        other => panic!("expected a call, not {other:?}"),
    };

    bench.close_flow(FlowId(41));
    register_over(&mut bench, 42);
    bench.no_event();
    bench.accept(session);
    let (_, answered) = bench.response_to(200);
    assert_eq!(answered.flow, Some(FlowId(42)));
}

fn register_over(bench: &mut Bench, flow: u64) {
    if bench.count_pending() == 0 {
        bench.command(Command::Register { account: alice() });
    }
    let register = bench.request(Method::Register);
    let text = ok(&register);
    bench.receive_by(&text, over(flow));
}

fn over(flow: u64) -> Source {
    Source {
        transport: Transport::Tcp,
        flow: Some(FlowId(flow)),
        ..source(PROXY)
    }
}

fn ok(register: &Request) -> String {
    let get = |name| header(&register.headers, &name);
    format!(
        "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: <sip:alice@example.com>;tag=x\r\n\
         Call-ID: {}\r\nCSeq: {}\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n",
        get(HeaderName::Via),
        get(HeaderName::From),
        get(HeaderName::CallId),
        get(HeaderName::CSeq),
    )
}
