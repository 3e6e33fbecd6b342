//! Two layers over a link that loses, doubles and reorders: every request gets its answer
//! exactly once, and nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::*;
use super::harness::*;
use crate::message::{HeaderName, HeaderValue, Method};
use crate::transport::Transport;

#[test]
fn every_request_is_answered_exactly_once_at_20_percent_loss() {
    for seed in 0..20 {
        let mut link = Link::new(seed, Quality::BAD);
        for number in 0..30 {
            link.ask(number, Method::Options, 200);
        }

        link.run(Duration::from_secs(120));

        assert_eq!(link.answered(), 30, "seed {seed}: {:?}", link.failures);
        assert_eq!(link.asked, 30, "seed {seed}: no request arrives twice");
        link.assert_nothing_left();
    }
}

#[test]
fn every_failed_call_is_reported_and_acknowledged_exactly_once() {
    for seed in 0..20 {
        let mut link = Link::new(seed, Quality::BAD);
        for number in 0..30 {
            link.ask(number, Method::Invite, 486);
        }

        link.run(Duration::from_secs(200));

        assert_eq!(link.answered(), 30, "seed {seed}: {:?}", link.failures);
        assert_eq!(link.asked, 30, "seed {seed}");
        assert_eq!(link.unacknowledged, 0, "seed {seed}");
        link.assert_nothing_left();
    }
}

#[test]
fn a_perfect_link_carries_no_needless_repeats() {
    let mut link = Link::new(1, Quality::PERFECT);
    for number in 0..30 {
        link.ask(number, Method::Invite, 486);
    }

    link.run(Duration::from_secs(200));

    assert_eq!(link.carried, 30 * 3, "INVITE, 486, ACK");
    assert_eq!(link.answered(), 30);
    link.assert_nothing_left();
}

#[test]
fn a_dead_link_fails_every_request_and_leaves_nothing() {
    let mut link = Link::new(1, Quality::DEAD);
    for number in 0..30 {
        link.ask(number, Method::Invite, 486);
    }

    link.run(Duration::from_secs(200));

    assert_eq!(link.failures.len(), 30);
    assert!(link.failures.iter().all(|why| *why == Failure::Timeout));
    link.assert_nothing_left();
}

#[derive(Clone, Copy)]
struct Quality {
    /// Of 100.
    lost: u32,
    /// Of 100.
    doubled: u32,
    /// Every message takes between 1 ms and this; large values reorder.
    slowest_ms: u64,
}

impl Quality {
    const PERFECT: Self = Self {
        lost: 0,
        doubled: 0,
        slowest_ms: 1,
    };
    const BAD: Self = Self {
        lost: 20,
        doubled: 20,
        slowest_ms: 400,
    };
    const DEAD: Self = Self {
        lost: 100,
        ..Self::PERFECT
    };
}

struct Link {
    asker: Layer,
    answerer: Layer,
    now: Instant,
    rng: StdRng,
    quality: Quality,
    /// Arrival, number to tell equal arrivals apart; true: to the answerer.
    in_flight: BTreeMap<(Instant, u64), (bool, bytes::Bytes)>,
    carried: u64,
    codes: BTreeMap<u32, u16>,
    asked: usize,
    answers: BTreeMap<ClientTransactionId, Vec<u16>>,
    failures: Vec<Failure>,
    unacknowledged: usize,
}

impl Link {
    fn new(seed: u8, quality: Quality) -> Self {
        let layer = |ip: &str, seed| {
            let mut local = LocalAddresses::new();
            local.advertise(Transport::Udp, addr(ip));
            Layer::new(LayerConfig::new(local), [seed; 32])
        };
        Self {
            asker: layer(US, seed),
            answerer: layer(PEER, seed.wrapping_add(100)),
            now: epoch(),
            rng: StdRng::from_seed([seed; 32]),
            quality,
            in_flight: BTreeMap::new(),
            carried: 0,
            codes: BTreeMap::new(),
            asked: 0,
            answers: BTreeMap::new(),
            failures: Vec::new(),
            unacknowledged: 0,
        }
    }

    /// Sends a request that will be answered with `code`.
    fn ask(&mut self, number: u32, method: Method, code: u16) {
        let mut request = request(method);
        let call_id = HeaderValue::new(format!("{number}")).unwrap();
        request.headers.set(HeaderName::CallId, call_id);
        self.codes.insert(number, code);
        self.asker
            .send_request(request, None, Route::Fixed(vec![udp_peer()]), self.now)
            .unwrap();
    }

    fn run(&mut self, length: Duration) {
        let end = self.now + length;
        loop {
            self.settle();
            let wakes = [
                self.asker.poll_timeout(),
                self.answerer.poll_timeout(),
                self.in_flight.keys().next().map(|(at, _)| *at),
            ];
            let Some(next) = wakes.into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.now = next.max(self.now);
            self.asker.handle_timeout(self.now);
            self.answerer.handle_timeout(self.now);
            while let Some(entry) = self.in_flight.first_entry() {
                if entry.key().0 > self.now {
                    break;
                }
                let (to_answerer, bytes) = entry.remove();
                self.deliver(to_answerer, &bytes);
            }
        }
    }

    fn deliver(&mut self, to_answerer: bool, bytes: &[u8]) {
        let message = Message::parse_datagram(bytes).unwrap();
        let source = |local, remote| Source {
            transport: Transport::Udp,
            local: addr(local),
            remote: addr(remote),
            flow: None,
        };
        if to_answerer {
            self.answerer
                .handle_message(message, source(PEER, US), self.now);
        } else {
            self.asker
                .handle_message(message, source(US, PEER), self.now);
        }
    }

    fn settle(&mut self) {
        while let Some(event) = self.answerer.poll_event() {
            match event {
                TransactionEvent::Request { id, request, .. } => {
                    self.asked += 1;
                    let number = request.headers.call_id().unwrap().parse().unwrap();
                    let response = response_to(&request, self.codes[&number]);
                    self.answerer.respond(id, response, self.now).unwrap();
                }
                TransactionEvent::ServerTerminated { why, .. } => {
                    self.unacknowledged += usize::from(why == ServerEnd::NotAcknowledged);
                }
                // An ACK that arrives when all is over.
                TransactionEvent::Ack { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        while let Some(event) = self.asker.poll_event() {
            match event {
                TransactionEvent::Response { id, response, .. } => {
                    if response.status.is_final() {
                        let codes = self.answers.entry(id).or_default();
                        codes.push(response.status.code());
                    }
                }
                TransactionEvent::Failed { why, .. } => self.failures.push(why),
                TransactionEvent::ClientTerminated { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        while let Some(transmit) = self.asker.poll_transmit() {
            assert_eq!(transmit.destination.addr, addr(PEER));
            self.carry(true, transmit.bytes);
        }
        while let Some(transmit) = self.answerer.poll_transmit() {
            assert_eq!(transmit.destination.addr, addr(US));
            self.carry(false, transmit.bytes);
        }
    }

    fn carry(&mut self, to_answerer: bool, bytes: bytes::Bytes) {
        let copies = 1 + u32::from(self.rng.random_range(0..100) < self.quality.doubled);
        for _ in 0..copies {
            if self.rng.random_range(0..100) < self.quality.lost {
                continue;
            }
            self.carried += 1;
            let delay = self.rng.random_range(1..=self.quality.slowest_ms);
            let arrival = self.now + Duration::from_millis(delay);
            self.in_flight
                .insert((arrival, self.carried), (to_answerer, bytes.clone()));
        }
    }

    /// Requests with a final response; that there is one each is asserted.
    fn answered(&self) -> usize {
        let expected: BTreeSet<_> = self.codes.values().copied().collect();
        for codes in self.answers.values() {
            assert_eq!(codes.len(), 1, "one final response is passed up");
            assert!(expected.contains(&codes[0]));
        }
        self.answers.len()
    }

    fn assert_nothing_left(&self) {
        assert_eq!(self.asker.counts(), LayerCounts::default());
        assert_eq!(self.answerer.counts(), LayerCounts::default());
        assert!(self.in_flight.is_empty());
    }
}
