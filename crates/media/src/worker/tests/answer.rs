//! From the phone's answer to audio, with a browser 100 ms away: how many round trips that takes.
//!
//! On virtual time, so what is counted is round trips and nothing else. The browser's end of the
//! signalling is as far away as its media.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::fixture::{Worker, open_phone, phone_remote};
use super::pcmu;
use crate::browser_leg::BrowserAddr;
use crate::endpoints::{BrowserLocal, DtlsRole, Ssrc};
use crate::simulate::{BROWSER_SSRC, CheckKind, End, Link, SimBrowser, beginning, rtp_packet};
use crate::worker::egress::{Channel, Egress};
use crate::worker::legs::Legs;
use crate::worker::mailbox::{Command, LegId};

const ONE_WAY: Duration = Duration::from_millis(50);
const ROUND_TRIP: Duration = Duration::from_millis(100);
const PACKET_TIME: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(5);
const BROWSER: LegId = LegId(1);
const PHONE: LegId = LegId(2);

#[test]
fn both_hear_each_other_within_four_round_trips_of_the_answer() {
    for rung in [
        Duration::ZERO,
        Duration::from_secs(8),
        Duration::from_secs(50),
    ] {
        let mut call = Call::ringing(our_role());
        call.pass_time(rung);
        let answered = call.now;
        call.phone_answers();
        call.page_learns_of_it();
        let (phone, browser) = call.until_both_hear();
        let took = (phone - answered, browser - answered);
        let [most, three_and_half] = [4 * ROUND_TRIP, 7 * ONE_WAY + PACKET_TIME];
        assert!(took.0.max(took.1) <= most, "{took:?} after {rung:?}");
        assert!(took.1 <= three_and_half, "{took:?} after {rung:?}");
    }
}

#[test]
fn with_early_sdp_both_hear_each_other_one_round_trip_after_the_answer() {
    for rung in [Duration::from_millis(500), Duration::from_secs(50)] {
        let mut call = Call::ringing(our_role());
        call.phone_answers();
        call.page_learns_of_it();
        call.pass_time(rung);
        let answered = call.now;
        call.forget_what_was_heard();
        let (phone, browser) = call.until_both_hear();
        let took = phone.max(browser) - answered;
        assert!(took <= ROUND_TRIP, "{took:?} after {rung:?}");
    }
}

/// What the planner makes of an offer that leaves the role to us.
fn our_role() -> DtlsRole {
    let offer = include_str!("../../../tests/plan/fixtures/chromium-offer.sdp");
    let offer = offer.replace("\r\n", "\n").replace('\n', "\r\n");
    let offer = crate::sdp::BrowserDescription::parse(offer).expect("an offer");
    offer.remote().role
}

/// A call whose phone talks all the time, and whose browser does as soon as it can.
struct Call {
    legs: Legs,
    sockets: Record,
    browser: SimBrowser,
    local: BrowserLocal,
    link: Link,
    phone_key: usize,
    address: BrowserAddr,
    sequence: u16,
    next_packet: Instant,
    check_due: Option<Instant>,
    now: Instant,
}

impl Call {
    /// The phone rings; the browser's offer is known, and we take `role`.
    fn ringing(role: DtlsRole) -> Self {
        let now = beginning();
        let mut worker = Worker::new(now);
        let local = worker.open_browser(BROWSER, |_| {}, now);
        let mut legs = worker.legs;
        let phone_key = open_phone(&mut legs, PHONE, |_| {}, now);
        let theirs = match role {
            DtlsRole::Client => DtlsRole::Server,
            DtlsRole::Server => DtlsRole::Client,
        };
        Self {
            legs,
            sockets: Record::default(),
            browser: SimBrowser::new(theirs, now),
            local,
            link: Link::long(ONE_WAY),
            phone_key,
            address: BrowserAddr::udp("192.0.2.1:4000".parse().expect("address")),
            sequence: 0,
            next_packet: now,
            check_due: None,
            now,
        }
    }

    /// Its description has come, early or not: media is joined.
    fn phone_answers(&mut self) {
        let remote = Box::new(self.browser.description());
        for command in [
            Command::SetBrowserRemote(BROWSER, remote),
            Command::SetPhoneRemote(PHONE, Some(phone_remote())),
            Command::Bridge {
                browser: BROWSER,
                phone: PHONE,
                relay: Box::new(pcmu()),
            },
        ] {
            self.legs
                .handle_command(command, self.now, &mut self.sockets);
        }
    }

    /// Our answer is on its way to the page, which checks as soon as it has it.
    fn page_learns_of_it(&mut self) {
        self.check_due = Some(self.now + ONE_WAY);
    }

    fn forget_what_was_heard(&mut self) {
        self.browser.rtp.clear();
        self.sockets.to_phone = 0;
    }

    /// When the phone and when the browser first hears something.
    fn until_both_hear(&mut self) -> (Instant, Instant) {
        let limit = self.now + LIMIT;
        let (mut phone, mut browser) = (None, None);
        loop {
            if self.sockets.to_phone > 0 {
                phone.get_or_insert(self.now);
            }
            if !self.browser.rtp.is_empty() {
                browser.get_or_insert(self.now);
            }
            if let (Some(phone), Some(browser)) = (phone, browser) {
                return (phone, browser);
            }
            assert!(self.now < limit, "they never hear each other");
            self.step();
        }
    }

    fn pass_time(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// Goes to the next thing that happens.
    fn step(&mut self) {
        let next = [
            self.check_due,
            self.link.next_arrival(),
            self.legs.poll_timeout(),
            self.browser.poll_timeout(),
            Some(self.next_packet),
        ];
        let next = next.into_iter().flatten().min().expect("packets go on");
        self.now = self.now.max(next);
        let now = self.now;
        if self.check_due.is_some_and(|due| due <= now) {
            let check = self.browser.check(&self.local, CheckKind::Nominating);
            self.link.send(End::Browser, check, now);
            // Consent is renewed, as browsers do.
            self.check_due = Some(now + Duration::from_secs(5));
        }
        while let Some((to, datagram)) = self.link.arrive(now) {
            match to {
                End::Gateway => {
                    let from = self.address;
                    self.legs
                        .handle_browser_datagram(&datagram, from, now, &mut self.sockets);
                }
                End::Browser => self.browser.handle_datagram(&datagram, now),
            }
        }
        self.legs.handle_timeout(now, &mut self.sockets);
        if self.check_due.is_some() {
            self.browser.handle_timeout(now);
        }
        if self.next_packet <= now {
            self.next_packet = now + PACKET_TIME;
            self.talk();
        }
        for (_, datagram) in std::mem::take(&mut self.sockets.to_browser) {
            self.link.send(End::Gateway, datagram, now);
        }
        while let Some(datagram) = self.browser.poll_transmit() {
            self.link.send(End::Browser, datagram, now);
        }
    }

    fn talk(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = rtp_packet(0, self.sequence, Ssrc(0x0001_0203), &[0x55; 160]);
        let (key, now) = (self.phone_key, self.now);
        let (channel, from) = (Channel::Rtp, phone_remote().rtp);
        let sockets = &mut self.sockets;
        self.legs
            .handle_phone_datagram(key, channel, &mut packet, from, now, sockets);
        if self.browser.is_connected() {
            let packet = rtp_packet(0, self.sequence, BROWSER_SSRC, &[0x66; 160]);
            let sealed = self.browser.seal_rtp(&packet);
            self.link.send(End::Browser, sealed, now);
        }
    }
}

#[derive(Default)]
struct Record {
    to_browser: Vec<(BrowserAddr, Vec<u8>)>,
    to_phone: usize,
}

impl Egress for Record {
    fn to_browser(&mut self, to: BrowserAddr, datagram: &[u8]) -> bool {
        self.to_browser.push((to, datagram.to_vec()));
        true
    }

    fn to_phone(&mut self, _: usize, channel: Channel, _: SocketAddr, datagram: &[u8]) -> bool {
        let media = channel == Channel::Rtp && !datagram.is_empty();
        self.to_phone += usize::from(media);
        true
    }
}
