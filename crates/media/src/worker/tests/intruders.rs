//! Attack M1: handshakes of strangers while calls are set up (after Enable Security's ES2023-01 to
//! -03): a thousand calls, and each comes up as if nobody else were there.

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::fixture::Worker;
use crate::browser_leg::BrowserAddr;
use crate::endpoints::{BrowserLocal, DtlsRole};
use crate::event::LegEvent;
use crate::simulate::{BROWSER_SSRC, CheckKind, DtlsPeer, SimBrowser, beginning, rtp_packet};
use crate::worker::egress::{Channel, Egress};
use crate::worker::legs::Legs;
use crate::worker::mailbox::{Command, LegId};

const CALLS: u64 = 1_000;

#[test]
fn a_thousand_of_a_thousand_calls_come_up_while_strangers_spray_hellos() {
    let now = beginning();
    let mut worker = Worker::new(now);
    let hellos = hellos(now);
    let mut victims: Vec<Victim> = (0..CALLS)
        .map(|number| Victim::new(number, &mut worker, now))
        .collect();
    let legs = &mut worker.legs;
    for victim in &mut victims {
        victim.connect(legs, &hellos);
    }
    for victim in &mut victims {
        victim.spray(legs, &hellos);
        victim.talks(legs);
        assert!(!victim.browser.closed, "{}", victim.number);
        let events: Vec<_> = victim.told.try_iter().collect();
        assert_eq!(events, [LegEvent::IceValidated, LegEvent::Connected]);
    }
}

/// Hellos of somebody with another certificate, and what only looks like one.
fn hellos(now: Instant) -> Vec<Vec<u8>> {
    let mut hellos = Vec::new();
    DtlsPeer::new(DtlsRole::Client, 1150, now).handle_timeout(now, &mut |hello| hellos.push(hello));
    assert!(!hellos.is_empty());
    let whole = hellos[0].clone();
    // No cipher that keeps a secret (TLS_NULL_WITH_NULL_NULL), an alert, a goodbye, and noise.
    let ciphers = 13 + 12 + 2 + 32 + 1 + 1;
    let mut null = whole.clone();
    null[ciphers + 2..ciphers + 4].fill(0);
    hellos.push(null);
    hellos.push(vec![21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40]);
    hellos.push(vec![21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0]);
    hellos.push(whole[..60].to_vec());
    hellos.push(vec![22; 400]);
    hellos
}

/// A browser in whose way strangers stand.
struct Victim {
    number: u64,
    browser: SimBrowser,
    local: BrowserLocal,
    address: BrowserAddr,
    told: Receiver<LegEvent>,
    record: Record,
    now: Instant,
}

impl Victim {
    fn new(number: u64, worker: &mut Worker, now: Instant) -> Self {
        let (tell, told) = channel();
        let id = LegId(number);
        let local = worker.open_browser(id, move |event| drop(tell.send(event)), now);
        // We are the client of every other one.
        let role = match number % 2 {
            0 => DtlsRole::Client,
            _ => DtlsRole::Server,
        };
        let browser = SimBrowser::new(role, now);
        let remote = Box::new(browser.description());
        let mut record = Record::default();
        let command = Command::SetBrowserRemote(id, remote);
        worker.legs.handle_command(command, now, &mut record);
        let port = 1_024 + (number % 60_000) as u16;
        Self {
            number,
            browser,
            local,
            address: BrowserAddr::udp(([192, 0, 2, 1], port).into()),
            told,
            record,
            now,
        }
    }

    fn connect(&mut self, legs: &mut Legs, hellos: &[Vec<u8>]) {
        self.spray(legs, hellos);
        self.check(legs);
        let limit = self.now + Duration::from_secs(5);
        while !self.browser.is_connected() {
            assert!(self.now < limit, "call {} does not come up", self.number);
            self.spray(legs, hellos);
            self.now += Duration::from_millis(10);
            self.browser.handle_timeout(self.now);
            legs.handle_timeout(self.now, &mut self.record);
            self.pass(legs);
        }
        self.spray(legs, hellos);
    }

    fn check(&mut self, legs: &mut Legs) {
        let check = self.browser.check(&self.local, CheckKind::Nominating);
        legs.handle_browser_datagram(&check, self.address, self.now, &mut self.record);
        self.pass(legs);
    }

    /// From three other addresses, each of the hellos; nobody is answered.
    fn spray(&mut self, legs: &mut Legs, hellos: &[Vec<u8>]) {
        let (ip, port) = (self.address.address.ip(), self.address.address.port());
        let elsewhere = [
            (IpAddr::from([203, 0, 113, 6]), port),
            (ip, port.wrapping_add(30_000)),
            (IpAddr::from([203, 0, 113, 7]), 443),
        ];
        for from in elsewhere {
            let from = BrowserAddr::udp(SocketAddr::from(from));
            for hello in hellos {
                let before = self.record.to_browser.len();
                legs.handle_browser_datagram(hello, from, self.now, &mut self.record);
                assert_eq!(self.record.to_browser.len(), before);
            }
        }
    }

    fn talks(&mut self, legs: &mut Legs) {
        let sealed = self
            .browser
            .seal_rtp(&rtp_packet(0, 1, BROWSER_SSRC, &[0x55; 160]));
        legs.handle_browser_datagram(&sealed, self.address, self.now, &mut self.record);
        let id = self.number;
        let (tell, told) = channel();
        let reply = Box::new(move |stats| tell.send(stats).expect("heard"));
        legs.handle_command(
            Command::Snapshot(LegId(id), reply),
            self.now,
            &mut self.record,
        );
        let stats = told.recv().expect("a snapshot");
        assert_eq!(stats.received.packets, 1, "call {id}");
    }

    fn pass(&mut self, legs: &mut Legs) {
        loop {
            let mut idle = true;
            for (to, datagram) in std::mem::take(&mut self.record.to_browser) {
                if to == self.address {
                    self.browser.handle_datagram(&datagram, self.now);
                    idle = false;
                }
            }
            while let Some(datagram) = self.browser.poll_transmit() {
                legs.handle_browser_datagram(&datagram, self.address, self.now, &mut self.record);
                idle = false;
            }
            if idle {
                return;
            }
        }
    }
}

/// Keeps what leaves for browsers.
#[derive(Default)]
pub(super) struct Record {
    pub(super) to_browser: Vec<(BrowserAddr, Vec<u8>)>,
}

impl Egress for Record {
    fn to_browser(&mut self, to: BrowserAddr, datagram: &[u8]) -> bool {
        self.to_browser.push((to, datagram.to_vec()));
        true
    }

    fn to_phone(&mut self, _: usize, _: Channel, _: SocketAddr, _: &[u8]) -> bool {
        true
    }
}
