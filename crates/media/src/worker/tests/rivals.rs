//! Who has a call of his own and forges a browser's address, while that browser's call is set up:
//! the browser connects as soon as if nobody else were there.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::fixture::Worker;
use super::intruders::Record;
use crate::browser_leg::BrowserAddr;
use crate::endpoints::{BrowserLocal, DtlsRole};
use crate::event::LegEvent;
use crate::simulate::{CheckKind, End, Link, SimBrowser, beginning};
use crate::worker::legs::Legs;
use crate::worker::mailbox::{Command, LegId};

const MS: Duration = Duration::from_millis(1);
const ONE_WAY: Duration = Duration::from_millis(50);
/// Between checks from one address.
const CHECKS: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(8);
const BROWSER: LegId = LegId(1);
const RIVAL: LegId = LegId(2);
const ROLES: [DtlsRole; 2] = [DtlsRole::Client, DtlsRole::Server];

#[test]
fn a_forger_who_comes_during_the_handshake_or_after_it_changes_nothing() {
    for role in ROLES {
        let alone = Scene::new(role, DtlsRole::Server).play(None);
        assert!(alone <= 8 * ONE_WAY, "{alone:?}");
        for rival in ROLES {
            for after in (51..500).step_by(9) {
                let disturbed = Scene::new(role, rival).play(Some(after * MS));
                assert_eq!(disturbed, alone, "{role:?}, {rival:?} after {after} ms");
            }
        }
    }
}

#[test]
fn a_forger_whose_own_call_is_up_changes_nothing_whenever_he_comes() {
    for role in ROLES {
        let alone = Scene::new(role, DtlsRole::Server).play(None);
        for rival in ROLES {
            for after in (0..500).step_by(27) {
                let mut scene = Scene::new(role, rival);
                scene.rival_connects();
                let disturbed = scene.play(Some(after * MS));
                assert_eq!(disturbed, alone, "{role:?}, {rival:?} after {after} ms");
            }
        }
    }
}

#[test]
fn a_forger_who_came_first_and_waits_for_a_hello_delays_the_browser_by_two_seconds() {
    let alone = Scene::new(DtlsRole::Server, DtlsRole::Server).play(None);
    let delayed = Scene::new(DtlsRole::Server, DtlsRole::Client).play(Some(Duration::ZERO));
    assert!(delayed > alone, "he did come first");
    assert!(delayed <= alone + 2_500 * MS, "{delayed:?}");
}

#[test]
fn a_forger_with_two_calls_cannot_put_the_browsers_behind_one_of_them() {
    let [browser, rival, connected] = [0, 1, 2];
    let from = BrowserAddr::udp("192.0.2.1:4000".parse().expect("address"));
    let mut legs = Worker::new(beginning()).legs;
    legs.by_address.insert(from, browser);
    legs.rivals.insert(from, vec![rival, connected]);
    legs.prefer(connected, from);
    assert_eq!(legs.by_address[&from], connected);
    assert_eq!(legs.rivals[&from], [browser, rival]);
}

/// A browser that is `ONE_WAY` away, and somebody who forges its address.
struct Scene {
    legs: Legs,
    record: Record,
    browser: SimBrowser,
    local: BrowserLocal,
    told: Receiver<LegEvent>,
    rival: SimBrowser,
    rival_local: BrowserLocal,
    link: Link,
    address: BrowserAddr,
    /// The browser's check has been answered.
    begins: Instant,
    now: Instant,
}

impl Scene {
    fn new(role: DtlsRole, rival_role: DtlsRole) -> Self {
        let now = beginning();
        let mut worker = Worker::new(now);
        let (tell, told) = channel();
        let local = worker.open_browser(BROWSER, move |event| drop(tell.send(event)), now);
        let rival_local = worker.open_browser(RIVAL, |_| {}, now);
        let [browser, rival] = [role, rival_role].map(|role| SimBrowser::new(role, now));
        let mut record = Record::default();
        for (id, end) in [(BROWSER, &browser), (RIVAL, &rival)] {
            let command = Command::SetBrowserRemote(id, Box::new(end.description()));
            worker.legs.handle_command(command, now, &mut record);
        }
        Self {
            legs: worker.legs,
            record,
            browser,
            local,
            told,
            rival,
            rival_local,
            link: Link::long(ONE_WAY),
            address: BrowserAddr::udp("192.0.2.1:4000".parse().expect("address")),
            begins: now,
            now,
        }
    }

    /// The forger's own call comes up, at his own address.
    fn rival_connects(&mut self) {
        let from = BrowserAddr::udp("203.0.113.6:6000".parse().expect("address"));
        let check = self.rival.check(&self.rival_local, CheckKind::Nominating);
        let (legs, record) = (&mut self.legs, &mut self.record);
        legs.handle_browser_datagram(&check, from, self.now, record);
        self.rival.handle_timeout(self.now);
        for _ in 0..10 {
            for (_, datagram) in std::mem::take(&mut record.to_browser) {
                self.rival.handle_datagram(&datagram, self.now);
            }
            while let Some(datagram) = self.rival.poll_transmit() {
                legs.handle_browser_datagram(&datagram, from, self.now, record);
            }
        }
        assert!(self.rival.is_connected());
    }

    /// How long it takes the browser to connect; the first forged check arrives `forged_after` its
    /// own has left.
    fn play(mut self, forged_after: Option<Duration>) -> Duration {
        let start = self.now;
        self.begins = start + 2 * ONE_WAY;
        let mut check = start;
        let mut forged = forged_after.map(|after| start + after);
        let mut connected = None;
        while self.now < start + LIMIT {
            let next = [
                Some(check),
                forged,
                self.link.next_arrival(),
                self.legs.poll_timeout(),
                self.browser.poll_timeout().map(|at| at.max(self.begins)),
            ];
            let next = next.into_iter().flatten().min().expect("checks go on");
            self.now = self.now.max(next);
            let now = self.now;
            if check <= now {
                let datagram = self.browser.check(&self.local, CheckKind::Nominating);
                self.link.send(End::Browser, datagram, now);
                check = now + CHECKS;
            }
            if forged.is_some_and(|at| at <= now) {
                self.receive_forged();
                forged = Some(now + CHECKS);
            }
            self.pass();
            if self.browser.is_connected() {
                connected.get_or_insert(now - start);
            }
        }
        let events: Vec<_> = self.told.try_iter().collect();
        assert_eq!(events, [LegEvent::IceValidated, LegEvent::Connected]);
        assert!(!self.browser.closed);
        connected.expect("connected")
    }

    fn pass(&mut self) {
        let now = self.now;
        while let Some((to, datagram)) = self.link.arrive(now) {
            let sealed = matches!(datagram[0], 128..=191);
            match to {
                End::Gateway => self.receive(&datagram),
                // What it has no key for is not its own.
                End::Browser if sealed => {}
                End::Browser => self.browser.handle_datagram(&datagram, now),
            }
        }
        self.legs.handle_timeout(now, &mut self.record);
        if now >= self.begins {
            self.browser.handle_timeout(now);
        }
        for (to, datagram) in std::mem::take(&mut self.record.to_browser) {
            if to == self.address {
                self.link.send(End::Gateway, datagram, now);
            }
        }
        while let Some(datagram) = self.browser.poll_transmit() {
            self.link.send(End::Browser, datagram, now);
        }
    }

    fn receive_forged(&mut self) {
        let check = self.rival.check(&self.rival_local, CheckKind::Nominating);
        self.receive(&check);
    }

    fn receive(&mut self, datagram: &[u8]) {
        let (from, now) = (self.address, self.now);
        self.legs
            .handle_browser_datagram(datagram, from, now, &mut self.record);
    }
}
