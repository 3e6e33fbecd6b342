//! The whole leg against a browser: order, proof of identity, endings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::browser_leg::{
    BrowserAddr, BrowserCore, BrowserEvent, BrowserLimits, Credentials, IceLimits, Identity,
};
use crate::endpoints::{BrowserLocal, BrowserRemote, DtlsRole, Fingerprint, Ssrc};
use crate::event::LegFailure;
use crate::simulate::{BROWSER_SSRC, CheckKind, SimBrowser, beginning, rtp_packet};
use crate::srtp::{Refused, SrtpProfile};

const SECOND: Duration = Duration::from_secs(1);
const ROLES: [DtlsRole; 2] = [DtlsRole::Client, DtlsRole::Server];

#[test]
fn media_flows_both_ways_in_either_dtls_role() {
    for role in ROLES {
        let mut call = Call::new(role);
        call.set_remote(call.browser.description());
        call.check(CheckKind::Nominating);
        call.run(|call| call.is_up());
        assert_eq!(call.browser.profile, Some(SrtpProfile::AeadAes128Gcm));
        assert_eq!(call.browser.gateway, Some(call.local.fingerprint));
        call.assert_media_flows();
    }
}

#[test]
fn the_handshake_may_precede_the_description_but_media_may_not() {
    let mut call = Call::new(DtlsRole::Server);
    call.check(CheckKind::Nominating);
    call.run(|call| call.browser.is_connected());
    assert_eq!(call.events, [BrowserEvent::IceValidated]);
    let early = call.browser.seal_rtp(&voice(1));
    assert_eq!(call.open(&early), Err(Refused::NotOpen));
    assert_eq!(call.core.seal_rtp(&voice(1)), Err(Refused::NotOpen));
    call.set_remote(call.browser.description());
    call.run(|call| call.is_up());
    call.assert_media_flows();
}

#[test]
fn a_certificate_that_the_description_does_not_name_ends_the_leg_without_media() {
    for early in [false, true] {
        for role in ROLES {
            let mut call = Call::new(role);
            let named = BrowserRemote {
                fingerprint: Fingerprint::of(b"somebody else"),
                ..call.browser.description()
            };
            if early {
                call.check(CheckKind::Nominating);
                call.run(|call| call.browser.is_connected());
                call.set_remote(named);
            } else {
                call.set_remote(named);
                call.check(CheckKind::Nominating);
            }
            call.run(|call| call.failure().is_some());
            assert_eq!(call.failure(), Some(LegFailure::FingerprintMismatch));
            call.run(|call| call.browser.closed);
            assert!(call.browser.rtp.is_empty());
            assert!(!call.events.contains(&BrowserEvent::Connected));
            let packet = call.browser.seal_rtp(&voice(1));
            assert_eq!(call.open(&packet), Err(Refused::NotOpen));
            assert_eq!(call.core.poll_timeout(), None);
        }
    }
}

#[test]
fn a_later_description_with_another_fingerprint_ends_the_leg() {
    let mut call = Call::connected();
    let other = BrowserRemote {
        fingerprint: Fingerprint::of(b"somebody else"),
        ..call.browser.description()
    };
    call.set_remote(other);
    call.run(|call| call.failure().is_some());
    assert_eq!(call.failure(), Some(LegFailure::FingerprintMismatch));
}

#[test]
fn our_offer_of_actpass_follows_a_passive_answer() {
    let now = beginning();
    let mut call = Call::with(
        DtlsRole::Server,
        SimBrowser::new(DtlsRole::Server, now),
        now,
    );
    call.check(CheckKind::Nominating);
    assert!(call.core.poll_transmit().is_some(), "the check is answered");
    assert_eq!(call.core.poll_transmit(), None, "DTLS waits for the answer");
    call.set_remote(call.browser.description());
    call.run(|call| call.is_up());
    call.assert_media_flows();
}

#[test]
fn dtls_and_srtp_from_an_address_without_ice_are_dropped() {
    let mut call = Call::connected();
    let elsewhere = BrowserAddr::udp("203.0.113.66:666".parse().expect("address"));
    let now = call.now;
    let packet = call.browser.seal_rtp(&voice(1));
    let refused = call.core.open_rtp(&packet, elsewhere, now);
    assert_eq!(refused, Err(Refused::UnknownAddress));
    call.browser.close();
    let goodbye = call.browser.poll_transmit().expect("close_notify");
    let refused = call.core.handle_dtls(&goodbye, elsewhere, now);
    assert_eq!(refused, Err(Refused::UnknownAddress));
    assert_eq!(call.core.poll_event(), None);
    assert_eq!(call.core.poll_transmit(), None);
}

#[test]
fn a_closed_page_says_so() {
    let mut call = Call::connected();
    call.browser.close();
    call.run(|call| call.failure().is_some());
    assert_eq!(call.failure(), Some(LegFailure::DtlsClosed));
}

#[test]
fn closing_the_leg_tells_the_browser() {
    let mut call = Call::connected();
    let now = call.now;
    call.core.close(now);
    call.run(|call| call.browser.closed);
    assert_eq!(call.failure(), None, "we did it ourselves");
}

#[test]
fn a_forged_goodbye_in_the_clear_is_ignored() {
    let mut call = Call::connected();
    let forged = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 1, 0];
    let (from, now) = (call.address, call.now);
    assert_eq!(call.core.handle_dtls(&forged, from, now), Ok(()));
    call.flush();
    assert_eq!(call.failure(), None);
    call.assert_media_flows();
}

#[test]
fn a_handshake_that_does_not_come_is_given_up() {
    let mut call = Call::new(DtlsRole::Server);
    let start = call.now;
    call.check(CheckKind::Nominating);
    call.now += 20 * SECOND;
    call.check(CheckKind::Nominating);
    call.core.handle_timeout(start + 29 * SECOND);
    call.flush();
    assert_eq!(call.failure(), None);
    call.core.handle_timeout(start + 30 * SECOND);
    call.flush();
    assert_eq!(call.failure(), Some(LegFailure::DtlsFailed));
}

#[test]
fn garbage_instead_of_a_handshake_is_bounded_and_ends_the_leg() {
    for role in ROLES {
        let mut call = Call::new(role);
        call.check(CheckKind::Nominating);
        let (from, now) = (call.address, call.now);
        let mut record = vec![22, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 0, 200];
        // A hello, to go by its type.
        record.push(1);
        record.extend([0; 199]);
        let mut served = 0;
        while call.failure().is_none() {
            served += 1;
            assert!(served < 1000, "unbounded");
            record[10] = served as u8;
            assert_eq!(call.core.handle_dtls(&record, from, now), Ok(()));
            while let Some(event) = call.core.poll_event() {
                call.events.push(event);
            }
        }
        assert_eq!(call.failure(), Some(LegFailure::DtlsFailed));
    }
}

#[test]
fn handshake_records_after_the_handshake_get_a_bounded_answer() {
    let mut call = Call::connected();
    let (from, mut now) = (call.address, call.now);
    let mut record = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 1, 0, 0, 13];
    record.extend([1, 0, 0, 1, 0, 9, 0, 0, 0, 0, 0, 1, 0]);
    let mut sent = 0;
    for number in 0..2000_u16 {
        now += SECOND / 10;
        record[9..11].copy_from_slice(&(1000 + number).to_be_bytes());
        assert_eq!(call.core.handle_dtls(&record, from, now), Ok(()));
        while call.core.poll_transmit().is_some() {
            sent += 1;
        }
    }
    assert!(sent < 300, "{sent}");
    assert_eq!(call.core.poll_event(), None);
    call.assert_media_flows();
}

#[test]
fn consent_ends_the_leg_and_says_why() {
    let mut call = Call::connected();
    call.check(CheckKind::Nominating);
    let last = call.now;
    call.core.handle_timeout(last + 29 * SECOND);
    call.flush();
    assert_eq!(call.failure(), None);
    call.core.handle_timeout(last + 30 * SECOND);
    call.flush();
    assert_eq!(call.failure(), Some(LegFailure::ConsentExpired));
}

#[test]
fn a_leg_without_any_check_ends_and_says_why() {
    let mut call = Call::new(DtlsRole::Server);
    call.core.expect_checks(call.now);
    call.core.handle_timeout(call.now + 60 * SECOND);
    call.flush();
    assert_eq!(call.failure(), Some(LegFailure::IceTimeout));
}

#[test]
fn media_follows_the_browser_to_its_new_address() {
    let mut call = Call::connected();
    let home = call.address;
    call.address = BrowserAddr::udp("198.51.100.2:4001".parse().expect("address"));
    assert_eq!(call.core.destination(), Some(home));
    call.check(CheckKind::Nominating);
    assert_eq!(call.core.destination(), Some(call.address));
    call.assert_media_flows();
}

#[test]
fn an_ice_restart_keeps_keys_and_media() {
    let mut call = Call::connected();
    let credentials = Credentials::random(&mut StdRng::from_seed([9; 32]));
    call.local.ufrag = credentials.ufrag.to_string();
    call.local.pwd = credentials.pwd.clone();
    call.core.restart_ice(credentials);
    call.assert_media_flows();
    call.address = BrowserAddr::udp("198.51.100.2:4001".parse().expect("address"));
    call.check(CheckKind::Nominating);
    assert_eq!(call.core.destination(), Some(call.address));
    call.assert_media_flows();
    assert_eq!(call.core.ufrags().count(), 1);
}

pub(super) struct Call {
    pub(super) core: BrowserCore,
    pub(super) browser: SimBrowser,
    local: BrowserLocal,
    pub(super) address: BrowserAddr,
    events: Vec<BrowserEvent>,
    sequence: u16,
    pub(super) now: Instant,
}

impl Call {
    /// A leg in this role, and a browser in the other.
    pub(super) fn new(role: DtlsRole) -> Self {
        let now = beginning();
        let browser = SimBrowser::new(
            match role {
                DtlsRole::Client => DtlsRole::Server,
                DtlsRole::Server => DtlsRole::Client,
            },
            now,
        );
        Self::with(role, browser, now)
    }

    fn with(role: DtlsRole, browser: SimBrowser, now: Instant) -> Self {
        let identity = Arc::new(Identity::generate().expect("identity"));
        let credentials = Credentials::random(&mut StdRng::from_seed([5; 32]));
        let local = BrowserLocal {
            ufrag: credentials.ufrag.to_string(),
            pwd: credentials.pwd.clone(),
            fingerprint: identity.fingerprint(),
            addrs: Vec::new(),
            tcp: Vec::new(),
            ssrc: Ssrc(1),
            cname: String::new(),
            msid: String::new(),
            session_id: 1,
        };
        let limits = BrowserLimits {
            ice: IceLimits {
                first_check: 60 * SECOND,
                consent: 30 * SECOND,
            },
            dtls: 30 * SECOND,
        };
        Self {
            core: BrowserCore::new(identity, credentials, role, limits),
            browser,
            local,
            address: BrowserAddr::udp("192.0.2.1:4000".parse().expect("address")),
            events: Vec::new(),
            sequence: 100,
            now,
        }
    }

    pub(super) fn connected() -> Self {
        let mut call = Self::new(DtlsRole::Server);
        call.set_remote(call.browser.description());
        call.check(CheckKind::Nominating);
        call.run(Self::is_up);
        call
    }

    /// The gateway's description.
    pub(super) fn gateway(&self) -> BrowserLocal {
        self.local.clone()
    }

    pub(super) fn set_remote(&mut self, remote: BrowserRemote) {
        let now = self.now;
        self.core.set_remote(remote, now);
    }

    pub(super) fn check(&mut self, kind: CheckKind) {
        let check = self.browser.check(&self.local, kind);
        self.core.handle_check(&check, self.address, self.now);
        self.browser.handle_timeout(self.now);
    }

    pub(super) fn is_up(&self) -> bool {
        self.events.contains(&BrowserEvent::Connected) && self.browser.is_connected()
    }

    fn failure(&self) -> Option<LegFailure> {
        self.events.iter().find_map(|event| match event {
            BrowserEvent::Failed(failure) => Some(*failure),
            BrowserEvent::Address(_) | BrowserEvent::IceValidated | BrowserEvent::Connected => None,
        })
    }

    /// Passes datagrams and time until it is so.
    fn run(&mut self, done: impl Fn(&Self) -> bool) {
        let deadline = self.now + 10 * SECOND;
        while !self.flush() || !done(self) {
            if done(self) {
                continue;
            }
            self.now += SECOND / 100;
            assert!(self.now < deadline, "events: {:?}", self.events);
            self.core.handle_timeout(self.now);
            self.browser.handle_timeout(self.now);
        }
    }

    /// Passes what is there to pass; says whether there was nothing.
    pub(super) fn flush(&mut self) -> bool {
        let mut idle = true;
        while let Some((to, datagram)) = self.core.poll_transmit() {
            assert_eq!(to, self.address);
            self.browser.handle_datagram(&datagram, self.now);
            idle = false;
        }
        while let Some(datagram) = self.browser.poll_transmit() {
            let outcome = self.core.handle_dtls(&datagram, self.address, self.now);
            assert_eq!(outcome, Ok(()));
            idle = false;
        }
        while let Some(event) = self.core.poll_event() {
            if !matches!(event, BrowserEvent::Address(_)) {
                self.events.push(event);
            }
        }
        idle
    }

    fn open(&mut self, packet: &[u8]) -> Result<Vec<u8>, Refused> {
        let opened = self.core.open_rtp(packet, self.address, self.now);
        opened.map(|packet| packet.to_vec())
    }

    fn assert_media_flows(&mut self) {
        self.sequence += 1;
        let plain = voice(self.sequence);
        let sealed = self.browser.seal_rtp(&plain);
        assert_eq!(self.open(&sealed), Ok(plain.clone()));
        let sealed = self.core.seal_rtp(&plain).expect("sealed");
        self.browser.handle_datagram(&sealed, self.now);
        assert_eq!(self.browser.rtp.last(), Some(&plain));
    }
}

fn voice(sequence: u16) -> Vec<u8> {
    rtp_packet(111, sequence, BROWSER_SSRC, b"twenty milliseconds")
}
