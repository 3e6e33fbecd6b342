//! Who is at a browser's address: the last one to check from it.

use super::harness::{BROWSER, Call, Record, SECOND};
use crate::browser_leg::{BrowserAddr, ConnectionId, Via};
use crate::simulate::CheckKind;
use crate::worker::addresses::Standing;
use crate::worker::egress::Channel;
use crate::worker::mailbox::LegId;

#[test]
fn who_has_a_call_of_his_own_cannot_take_the_address_of_another() {
    let mut call = Call::connected();
    call.talk();
    let (thief, local) = call.open_another();
    let check = thief.check(&local, CheckKind::Nominating);
    for _ in 0..4 {
        call.now += 5 * SECOND;
        call.check();
        let (from, now) = (call.address, call.now);
        let standing = call
            .legs
            .handle_browser_datagram(&check, from, now, &mut call.sockets);
        assert_eq!(standing, Standing::Validated);
        call.pass();
        call.talk();
    }
    assert_eq!(call.sent_to_phone(Channel::Rtp).len(), 5);
    assert_eq!(call.stats(BROWSER).dropped, Default::default());
    // The first leg has gone elsewhere: then the address may be another's.
    let elsewhere = BrowserAddr::udp("192.0.2.99:4000".parse().expect("address"));
    let from = std::mem::replace(&mut call.address, elsewhere);
    for _ in 0..4 {
        call.now += 5 * SECOND;
        call.check();
    }
    let standing =
        call.legs
            .handle_browser_datagram(&check, from, call.now, &mut Record::default());
    assert_eq!(standing, Standing::Validated);
}

#[test]
fn who_was_at_an_address_first_cannot_keep_another_from_it() {
    let mut call = Call::connected();
    let (thief, local) = call.open_another();
    let check = thief.check(&local, CheckKind::Nominating);
    call.address = BrowserAddr::udp("192.0.2.50:4000".parse().expect("address"));
    for _ in 0..4 {
        let (from, now) = (call.address, call.now);
        call.legs
            .handle_browser_datagram(&check, from, now, &mut Record::default());
        call.check();
        for _ in 0..100 {
            call.talk();
        }
        call.now += 3 * SECOND;
    }
    assert_eq!(call.sent_to_phone(Channel::Rtp).len(), 400);
    assert_eq!(call.stats(BROWSER).dropped, Default::default());
    call.command_close(LegId(66));
    call.talk();
    call.command_close(BROWSER);
    assert!(call.legs.by_address.is_empty() && call.legs.rivals.is_empty());
}

#[test]
fn however_many_claim_an_address_the_last_to_check_from_it_is_heard() {
    let mut call = Call::connected();
    call.address = BrowserAddr::udp("192.0.2.50:4000".parse().expect("address"));
    let thieves: Vec<_> = (100..130)
        .map(|id| call.open_another_as(LegId(id)))
        .collect();
    for _ in 0..3 {
        for (thief, local) in &thieves {
            let check = thief.check(local, CheckKind::Nominating);
            let (from, now) = (call.address, call.now);
            call.legs
                .handle_browser_datagram(&check, from, now, &mut Record::default());
            call.now += SECOND / 100;
        }
        call.check();
        call.talk();
    }
    assert_eq!(call.sent_to_phone(Channel::Rtp).len(), 3);
}

#[test]
fn a_browser_that_lost_its_connection_goes_on_by_another() {
    let mut call = Call::connected();
    let connection = |slot| {
        let serial = 7;
        BrowserAddr {
            address: "192.0.2.1:4000".parse().expect("address"),
            via: Via::Tcp(ConnectionId { slot, serial }),
        }
    };
    let udp = std::mem::replace(&mut call.address, connection(1));
    call.check();
    call.talk();
    assert_eq!(call.legs.poll_unneeded(), None);
    call.legs
        .handle_lost(connection(1), call.now, &mut call.sockets);
    call.address = udp;
    call.talk();
    call.address = connection(2);
    call.check();
    call.talk();
    assert_eq!(call.browser.rtp.len(), 3);
    call.close_both();
    let unneeded = std::iter::from_fn(|| call.legs.poll_unneeded());
    let mut slots: Vec<u32> = unneeded.map(|connection| connection.slot).collect();
    slots.sort_unstable();
    assert_eq!(
        slots,
        [1, 2],
        "the first is closed already, which harms nobody"
    );
}

#[test]
fn an_address_passes_to_another_leg_when_the_first_is_closed() {
    let mut call = Call::connected();
    let (other, local) = call.open_another();
    call.receive(&other.check(&local, CheckKind::Nominating));
    call.command_close(BROWSER);
    let before = call.legs.strangers();
    call.receive(&[22; 40]);
    assert_eq!(call.legs.strangers(), before, "the second leg's");
    call.command_close(LegId(66));
    call.receive(&[22; 40]);
    assert!(call.legs.strangers() > before, "nobody's");
}
