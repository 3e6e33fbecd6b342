//! Which ways the driver is asked to keep open (RFC 5626 §4.4).

use std::time::Duration;

use super::bench::{Bench, alice};
use crate::command::Command;
use crate::keep_alive::{KeepAlive, Terms};
use crate::message::Method;

#[test]
fn a_binding_is_kept_alive_until_it_is_removed() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    assert_eq!(bench.ua.poll_keep_alive(), None);
    bench.reply(&register, 200, &["Expires: 300", "Flow-Timer: 60"]);

    let kept = bench.ua.poll_keep_alive().expect("there is a binding");
    let terms = Terms {
        flow_timer: Some(Duration::from_secs(60)),
        outbound: true,
    };
    assert_eq!(kept.bindings, 1);
    assert_eq!(kept.terms, terms);

    bench.command(Command::Unregister { account: alice() });
    let unregister = bench.request(Method::Register);
    bench.reply(&unregister, 200, &[]);
    assert_eq!(
        bench.ua.poll_keep_alive(),
        Some(KeepAlive {
            bindings: 0,
            ..kept
        })
    );
}

#[test]
fn a_lost_way_is_left_and_the_binding_made_anew() {
    let mut bench = Bench::new();
    bench.command(Command::Register { account: alice() });
    let register = bench.request(Method::Register);
    bench.reply(&register, 200, &["Expires: 3000"]);
    let kept = bench.ua.poll_keep_alive().expect("there is a binding");

    let now = bench.now;
    bench.ua.handle_way_lost(&kept.destination, now);

    let left = bench.ua.poll_keep_alive().expect("the way is left");
    assert_eq!(left.bindings, 0);
    bench.pass_until_sent(60);
    let again = bench.request(Method::Register);
    bench.reply(&again, 200, &["Expires: 3000"]);
    assert!(
        bench
            .ua
            .poll_keep_alive()
            .is_some_and(|kept| kept.bindings == 1)
    );
}
