//! Requests that are not for a call: from our registrar, and from strangers.

use super::bench::{Bench, OURS, STRANGER, Script, account, header, source};
use crate::account::{AccountConfig, AccountId};
use crate::command::Command;
use crate::event::Event;
use crate::message::{HeaderName, Message};
use crate::user_agent::UserAgentConfig;
use crate::user_agent::requests::MAX_OF_STRANGER;

#[test]
fn strangers_are_dropped_and_counted() {
    let mut bench = Bench::registered();
    for method in ["INVITE", "OPTIONS", "REGISTER", "BYE", "ACK", "CANCEL"] {
        bench.incoming(&Script {
            method,
            from_addr: STRANGER,
            ..Script::invite("100")
        });
    }
    bench.sent_nothing();
    bench.no_event();
    assert_eq!(bench.ua.dropped(), 6);
    assert_eq!(bench.ua.counts().transactions, 1);
}

#[test]
fn whoever_knows_our_contact_may_call() {
    let mut bench = Bench::registered();
    let token = bench.token();
    bench.incoming(&Script {
        from_addr: STRANGER,
        ..Script::invite(&token)
    });
    assert!(matches!(bench.event(), Event::Incoming { .. }));
}

#[test]
fn a_flood_of_calls_from_one_stranger_is_bounded_and_hurts_nobody_else() {
    let mut bench = Bench::registered();
    let token = bench.token();
    for number in 0..5000 {
        bench.incoming(&Script {
            call_id: &format!("flood-{number}"),
            from_addr: STRANGER,
            ..Script::invite(&token)
        });
    }
    assert_eq!(bench.ua.dropped(), 5000 - MAX_OF_STRANGER as u64);
    bench.forget_sent();

    bench.incoming(&Script {
        uri: format!("sip:{OURS}"),
        ..options(&token)
    });
    bench.response(200);
    bench.pass_seconds(300);
    bench.forget_sent();
    bench.take_events();
    bench.incoming(&Script {
        from_addr: STRANGER,
        ..Script::invite(&token)
    });
    assert!(matches!(bench.event(), Event::Incoming { .. }));
}

#[test]
fn our_registrar_asking_for_nobody_gets_404() {
    let mut bench = Bench::registered();
    bench.incoming(&Script::invite("100"));
    bench.response(404);
    bench.no_event();
}

#[test]
fn options_pings_are_answered_with_what_we_can() {
    let mut bench = Bench::registered();
    let token = bench.token();
    for uri in [format!("sip:{OURS}"), format!("sip:{token}@{OURS}")] {
        bench.incoming(&Script {
            uri,
            ..options(&token)
        });
        let response = bench.response(200);
        for name in [HeaderName::Allow, HeaderName::Accept, HeaderName::Supported] {
            assert!(response.headers.contains(&name));
        }
    }
}

#[test]
fn options_for_an_account_get_what_a_call_would_get() {
    let mut bench = Bench::with(UserAgentConfig {
        sessions_per_account: 1,
        ..UserAgentConfig::default()
    });
    bench.register();
    let token = bench.token();
    bench.incoming(&options(&token));
    bench.response(200);
    let session = bench.called();
    let asked = Script {
        cseq: 2,
        ..options(&token)
    };
    bench.incoming(&asked);
    let busy = bench.response(486);
    assert!(busy.headers.contains(&HeaderName::Allow));
    bench.hang_up(session);
    bench.response(486);
    let asked = Script {
        cseq: 3,
        ..options(&token)
    };
    bench.incoming(&asked);
    bench.response(200);
}

#[test]
fn an_account_that_takes_no_calls_says_so_to_both() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.add(AccountConfig {
        takes_calls: false,
        ..account()
    });
    bench.register();
    let token = bench.token();
    bench.incoming(&options(&token));
    bench.response(403);
    bench.incoming(&Script::invite(&token));
    bench.response(403);
    bench.no_event();
    // A ping that names nobody asks whether we are there.
    bench.incoming(&Script {
        uri: format!("sip:{OURS}"),
        cseq: 2,
        ..options(&token)
    });
    bench.response(200);
}

#[test]
fn a_limit_of_the_application_is_told_by_options() {
    let mut bench = Bench::empty(UserAgentConfig::default());
    bench.add(AccountConfig {
        max_calls: Some(1),
        ..account()
    });
    bench.register();
    let token = bench.token();
    bench.called();
    bench.incoming(&options(&token));
    bench.response(486);
}

#[test]
fn what_an_account_can_do_depends_on_it() {
    let mut bench = Bench::empty(UserAgentConfig {
        session_expires: 0,
        ..UserAgentConfig::default()
    });
    bench.add(AccountConfig {
        takes_messages: false,
        ..account()
    });
    bench.register();
    let token = bench.token();
    bench.incoming(&options(&token));
    let response = bench.response(200);
    let text = |name| header(&response.headers, &name);
    assert!(!text(HeaderName::Allow).contains("MESSAGE"));
    assert!(!text(HeaderName::Accept).contains("text/"));
    assert_eq!(text(HeaderName::Supported), "replaces, 100rel");
}

#[test]
fn other_methods_are_answered_by_their_kind() {
    let mut bench = Bench::registered();
    let token = bench.token();
    for (method, code) in [
        ("REFER", 403),
        ("MESSAGE", 200),
        ("REGISTER", 405),
        ("SUBSCRIBE", 489),
        ("BYE", 481),
        ("INFO", 481),
        ("UPDATE", 481),
        ("FROBNICATE", 501),
    ] {
        bench.incoming(&Script {
            method,
            ..options(&token)
        });
        bench.response(code);
    }
    bench.incoming(&Script {
        method: "NOTIFY",
        ..options(&token).header("Event: message-summary")
    });
    bench.response(200);
    bench.incoming(&Script {
        method: "NOTIFY",
        cseq: 2,
        ..options(&token).header("Event: presence")
    });
    let refused = bench.response(489);
    assert!(refused.headers.contains(&HeaderName::AllowEvents));
    bench.incoming(&Script {
        method: "NOTIFY",
        cseq: 3,
        ..options(&token).header("Event: refer")
    });
    bench.response(481);
    assert!(matches!(bench.event(), Event::Message { .. }));
    bench.no_event();
}

#[test]
fn a_uri_of_another_scheme_is_416() {
    let mut bench = Bench::registered();
    bench.incoming(&Script {
        uri: "tel:+15551234".to_owned(),
        ..Script::invite("x")
    });
    bench.response(416);
}

#[test]
fn the_same_call_forked_to_two_bindings_rings_both() {
    let mut bench = Bench::registered();
    bench.command(Command::AddAccount {
        account: AccountId::new(2),
        config: AccountConfig { ..account() },
    });
    let tokens: Vec<_> = bench.ua.tokens.keys().cloned().collect();
    for token in tokens {
        bench.incoming(&Script::invite(&token));
        assert!(matches!(bench.event(), Event::Incoming { .. }));
    }
}

#[test]
fn a_merged_request_is_482() {
    let mut bench = Bench::registered();
    let token = bench.token();
    bench.incoming(&Script::invite(&token));
    bench.event();
    bench.incoming(&Script::invite(&token));
    bench.response(482);
    bench.no_event();
}

#[test]
fn a_broken_request_is_refused_to_our_registrar_only() {
    let mut bench = Bench::registered();
    let token = bench.token();
    let broken = Script::invite(&token)
        .text(1)
        .replace("Contact: <sip:bob@198.51.100.2>", "Contact: \"<sip:");
    let Err(error) = Message::parse_datagram(broken.as_bytes()) else {
        return;
    };
    bench
        .ua
        .handle_malformed(&error, source(super::bench::PROXY), bench.now);
    assert!(bench.ua.poll_transmit().is_some());
    bench
        .ua
        .handle_malformed(&error, source(STRANGER), bench.now);
    assert!(bench.ua.poll_transmit().is_none());
    assert_eq!(bench.ua.dropped(), 1);
}

fn options(token: &str) -> Script<'static> {
    Script {
        method: "OPTIONS",
        headers: Vec::new(),
        body: "",
        ..Script::invite(token)
    }
}
