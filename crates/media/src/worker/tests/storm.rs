//! A call over a network that loses, doubles and reorders, while everything about it changes and
//! strangers meddle: seeded, on virtual time. After every datagram that leaves:
//!
//! - it goes to an address that ICE has validated, or answers a check from where that came;
//! - no number of a source leaves twice, so that no SRTP index is used twice;
//! - numbers and times go forward together, without a jump.

mod camera;
mod video;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::fixture::{Worker, open_phone, phone_remote};
use super::{pcmu, transcoded};
use crate::browser_leg::{BrowserAddr, DatagramKind, datagram_kind};
use crate::endpoints::{BrowserLocal, DtlsRole, Ssrc};
use crate::rtp::{Header, PacketKind, packet_kind};
use crate::simulate::{
    BROWSER_SSRC, CheckKind, End, Link, SimBrowser, Weather, beginning, rtp_packet,
};
use crate::worker::egress::{Channel, Egress};
use crate::worker::legs::Legs;
use crate::worker::mailbox::{Command, LegId};

const BROWSER: LegId = LegId(1);
const PHONE: LegId = LegId(2);
const PACKET_TIME: Duration = Duration::from_millis(20);
const STORM: Weather = Weather {
    loss: 0.1,
    doubles: 0.05,
    jitter: Duration::from_millis(60),
    lost: None,
};

#[test]
fn whatever_happens_in_a_storm_numbers_go_on_and_nobody_else_is_sent_anything() {
    for seed in 0..24 {
        let mut call = Call::new(seed, STORM);
        for _ in 0..60 {
            call.change();
            let packets = call.dice.random_range(1..40);
            call.talk(packets);
        }
        call.assert_alive(seed);
    }
}

#[test]
fn calls_beyond_65536_packets_that_change_all_the_time_keep_their_numbers() {
    let weather = Weather {
        loss: 0.02,
        jitter: Duration::from_millis(30),
        ..Weather::default()
    };
    let mut call = Call::new(99, weather);
    for round in 0..700 {
        call.plan(round % 4);
        if round % 7 == 0 {
            call.phone_ssrc = Ssrc(call.phone_ssrc.0 + 1);
        }
        call.talk(200);
    }
    let left = call.sockets.watched.numbers.values();
    let most = left.map(|source| source.used.len()).max();
    assert!(most.is_some_and(|most| most > 70_000), "{most:?}");
    call.assert_alive(99);
}

#[test]
fn after_half_an_hour_on_hold_numbers_go_on() {
    let mut call = Call::new(7, Weather::default());
    for transcodes in [false, true] {
        call.plan(usize::from(transcodes));
        call.talk(50);
        call.plan(3);
        call.wait(Duration::from_secs(1_800));
        call.plan(usize::from(transcodes));
        call.talk(50);
    }
    call.assert_alive(7);
}

struct Call {
    legs: Legs,
    sockets: Sockets,
    browser: SimBrowser,
    local: BrowserLocal,
    link: Link,
    phone_key: usize,
    phone_ssrc: Ssrc,
    address: BrowserAddr,
    /// What the browser has got already: the network doubles, and SRTP says so.
    got: HashSet<Vec<u8>>,
    browser_sequence: u16,
    phone_sequence: u16,
    next_check: Instant,
    dice: StdRng,
    now: Instant,
}

impl Call {
    fn new(seed: u64, weather: Weather) -> Self {
        let now = beginning();
        let mut worker = Worker::new(now);
        let local = worker.open_browser(BROWSER, |_| {}, now);
        let mut legs = worker.legs;
        let phone_key = open_phone(&mut legs, PHONE, |_| {}, now);
        let mut call = Self {
            legs,
            sockets: Sockets::default(),
            browser: SimBrowser::new(DtlsRole::Client, now),
            local,
            link: Link::new(weather, seed),
            phone_key,
            phone_ssrc: Ssrc(0x0001_0203),
            address: address(4_000),
            got: HashSet::new(),
            browser_sequence: 65_000,
            phone_sequence: 65_200,
            next_check: now,
            dice: StdRng::seed_from_u64(seed),
            now,
        };
        let remote = Box::new(call.browser.description());
        call.command(Command::SetBrowserRemote(BROWSER, remote));
        call.command(Command::SetPhoneRemote(PHONE, Some(phone_remote())));
        call.plan(0);
        let limit = now + Duration::from_secs(20);
        while !call.browser.is_connected() {
            assert!(call.now < limit, "seed {seed} does not come up");
            call.pass(PACKET_TIME);
        }
        call
    }

    fn command(&mut self, command: Command) {
        self.legs
            .handle_command(command, self.now, &mut self.sockets);
        self.carry();
    }

    /// Relayed, transcoded, transcoded in other packets, or held.
    fn plan(&mut self, choice: usize) {
        let relay = match choice {
            0 => pcmu(),
            1 => transcoded(20),
            2 => transcoded(30),
            _ => pcmu().closed(),
        };
        self.command(Command::Bridge {
            browser: BROWSER,
            phone: PHONE,
            relay: Box::new(relay),
        });
    }

    /// One of the things that happen to calls.
    fn change(&mut self) {
        match self.dice.random_range(0..8) {
            choice @ 0..4 => self.plan(choice),
            4 => {
                self.phone_ssrc = Ssrc(self.dice.random());
                self.phone_sequence = self.dice.random();
            }
            5 => self.phone_sequence = self.phone_sequence.wrapping_add(self.dice.random()),
            6 => {
                self.address = address(self.dice.random_range(4_000..4_010));
                self.next_check = self.now;
            }
            _ => self.meddle(),
        }
    }

    /// Strangers send what they can: copies, hellos, checks without the password.
    fn meddle(&mut self) {
        let mut wrong = self.local.clone();
        wrong.pwd = "a guess".to_owned();
        let check = self.browser.check(&wrong, CheckKind::Nominating);
        self.browser_sequence = self.browser_sequence.wrapping_add(1);
        let sealed = self.browser.seal_rtp(&self.browser_packet());
        for port in 6_000..6_003 {
            let from = address(port);
            self.sockets.watched.asked.insert(from);
            for datagram in [&check[..], &sealed, &[22; 80], &[0x80; 40], b"noise"] {
                self.legs
                    .handle_browser_datagram(datagram, from, self.now, &mut self.sockets);
            }
            let mut voice = rtp_packet(0, 1, Ssrc(666), &[0x66; 160]);
            let thief = SocketAddr::from(([203, 0, 113, 6], port));
            self.phone_sends(&mut voice, thief);
        }
        self.carry();
    }

    fn browser_packet(&self) -> Vec<u8> {
        rtp_packet(0, self.browser_sequence, BROWSER_SSRC, &[0x55; 160])
    }

    /// Both speak.
    fn talk(&mut self, packets: usize) {
        for _ in 0..packets {
            self.browser_sequence = self.browser_sequence.wrapping_add(1);
            self.phone_sequence = self.phone_sequence.wrapping_add(1);
            let sealed = self.browser.seal_rtp(&self.browser_packet());
            self.link.send(End::Browser, sealed, self.now);
            let mut voice = rtp_packet(0, self.phone_sequence, self.phone_ssrc, &[0x77; 160]);
            let from = phone_remote().rtp;
            for _ in 0..self.dice.random_range(0..=2_u8).min(1) {
                self.phone_sends(&mut voice.clone(), from);
            }
            if self.dice.random_bool(0.05) {
                self.phone_sends(&mut voice, from);
            }
            self.pass(PACKET_TIME);
        }
    }

    fn phone_sends(&mut self, packet: &mut [u8], from: SocketAddr) {
        let (key, now) = (self.phone_key, self.now);
        self.legs
            .handle_phone_datagram(key, Channel::Rtp, packet, from, now, &mut self.sockets);
    }

    /// Nobody speaks; the browser goes on checking.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.pass(Duration::from_secs(1));
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.carry();
            let next = [
                self.link.next_arrival(),
                self.legs.poll_timeout(),
                Some(self.next_check),
            ];
            let next = next.into_iter().flatten().min().expect("checks go on");
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if self.next_check <= self.now {
                let check = self.browser.check(&self.local, CheckKind::Nominating);
                self.link.send(End::Browser, check, self.now);
                self.next_check = self.now + Duration::from_secs(1);
            }
            self.legs.handle_timeout(self.now, &mut self.sockets);
            while let Some((to, datagram)) = self.link.arrive(self.now) {
                self.arrived(to, datagram);
            }
        }
        self.now = end;
        if !self.browser.is_connected() {
            self.browser.handle_timeout(end);
        }
    }

    fn arrived(&mut self, to: End, datagram: Vec<u8>) {
        match to {
            End::Gateway => {
                let from = self.address;
                self.sockets.watched.asked.insert(from);
                self.legs
                    .handle_browser_datagram(&datagram, from, self.now, &mut self.sockets);
                if self
                    .legs
                    .browsers
                    .iter()
                    .any(|(_, leg)| leg.core.accepts(from))
                {
                    self.sockets.watched.validated.insert(from);
                }
                self.sockets.watched.check_all();
            }
            End::Browser => {
                let is_media = matches!(datagram.first(), Some(128..=191));
                let fresh = !is_media || self.got.insert(datagram.clone());
                if fresh && (self.browser.is_connected() || !is_media) {
                    self.browser.handle_datagram(&datagram, self.now);
                }
            }
        }
    }

    fn carry(&mut self) {
        self.sockets.watched.check_all();
        for (to, datagram) in std::mem::take(&mut self.sockets.to_browser) {
            if to == self.address {
                self.link.send(End::Gateway, datagram, self.now);
            }
        }
        while let Some(datagram) = self.browser.poll_transmit() {
            self.link.send(End::Browser, datagram, self.now);
        }
    }

    /// It is a call still: a relay carries both ways once the weather is over.
    fn assert_alive(&mut self, seed: u64) {
        self.plan(0);
        self.next_check = self.now;
        let before = (self.browser.rtp.len(), self.sockets.heard_by_phone);
        self.talk(500);
        let heard = self.browser.rtp.len() - before.0;
        assert!(heard > 100, "seed {seed}: the browser hears {heard}");
        let heard = self.sockets.heard_by_phone - before.1;
        assert!(heard > 300, "seed {seed}: the phone hears {heard}");
    }
}

fn address(port: u16) -> BrowserAddr {
    BrowserAddr::udp(([192, 0, 2, 1], port).into())
}

#[derive(Default)]
struct Sockets {
    to_browser: Vec<(BrowserAddr, Vec<u8>)>,
    heard_by_phone: usize,
    /// The leg of a phone's video, and what it was sent.
    video_phone: Option<usize>,
    to_video: Vec<(Channel, Vec<u8>)>,
    watched: Watched,
}

impl Egress for Sockets {
    fn to_browser(&mut self, to: BrowserAddr, datagram: &[u8]) -> bool {
        match datagram_kind(datagram) {
            DatagramKind::Stun => assert!(self.watched.asked.contains(&to)),
            DatagramKind::Dtls | DatagramKind::Rtcp => self.watched.sent_to.push(to),
            DatagramKind::Rtp => {
                self.watched.sent_to.push(to);
                self.watched.number(End::Browser, datagram);
            }
            DatagramKind::Other => panic!("nothing else is sent"),
        }
        self.to_browser.push((to, datagram.to_vec()));
        true
    }

    fn to_phone(&mut self, key: usize, channel: Channel, to: SocketAddr, datagram: &[u8]) -> bool {
        let phone = phone_remote();
        match channel {
            Channel::Rtp => assert_eq!(to, phone.rtp),
            Channel::Rtcp => assert_eq!(Some(to), phone.rtcp),
        }
        let video = self.video_phone == Some(key);
        if video {
            self.to_video.push((channel, datagram.to_vec()));
        }
        if channel == Channel::Rtp && packet_kind(datagram) == PacketKind::Rtp {
            self.heard_by_phone += usize::from(!video);
            self.watched.number(End::Gateway, datagram);
        }
        true
    }
}

/// What must hold of everything that leaves.
#[derive(Default)]
struct Watched {
    /// Who has sent us anything: a check may be answered there.
    asked: HashSet<BrowserAddr>,
    validated: HashSet<BrowserAddr>,
    sent_to: Vec<BrowserAddr>,
    numbers: HashMap<(bool, u32), Numbers>,
    /// Our sources whose packets may be repeated as they were, and make frames.
    videos: HashSet<u32>,
}

#[derive(Default)]
struct Numbers {
    /// With the packet, where it may be repeated.
    used: HashMap<i64, Vec<u8>>,
    /// The highest number so far, unrolled, and its time.
    last: Option<(i64, i64)>,
}

impl Watched {
    /// Once what was validated meanwhile is known.
    fn check_all(&mut self) {
        for to in self.sent_to.drain(..) {
            assert!(self.validated.contains(&to), "{to:?} was not validated");
        }
    }

    fn number(&mut self, to: End, packet: &[u8]) {
        let header = Header::parse(packet).expect("we send RTP");
        let key = (to == End::Browser, header.ssrc.0);
        let video = self.videos.contains(&header.ssrc.0);
        let source = self.numbers.entry(key).or_default();
        let (number, time) = (header.sequence.0, header.timestamp.0);
        let (number, time) = match source.last {
            None => (i64::from(number), i64::from(time)),
            Some((last, then)) => (
                last + i64::from(number.wrapping_sub(last as u16) as i16),
                then + i64::from(time.wrapping_sub(then as u32) as i32),
            ),
        };
        let kept = if video { packet } else { &[] };
        if let Some(before) = source.used.insert(number, kept.to_vec()) {
            assert!(video && before == packet, "{number} leaves twice");
            return;
        }
        let (farthest, frame) = if video { (3_000, 1) } else { (1_000, 0) };
        match source.last {
            Some((last, then)) if number > last => {
                assert!(number < last + farthest, "from {last} to {number}");
                assert!(time + frame > then, "time goes back at {number}");
                source.last = Some((number, time));
            }
            Some((last, then)) => assert!(number > last - 1_000 && time < then + frame),
            None => source.last = Some((number, time)),
        }
    }
}
