//! A link between two ends: delay, loss, jitter and doubles, all by a seeded dice.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// An end of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Gateway,
    Browser,
}

impl End {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Gateway => Self::Browser,
            Self::Browser => Self::Gateway,
        }
    }
}

/// How bad the link is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// Part of the datagrams that never arrive.
    pub(crate) loss: f64,
    /// Part of the datagrams that arrive twice.
    pub(crate) doubles: f64,
    /// Each datagram is late by up to this: they overtake each other.
    pub(crate) jitter: Duration,
    /// The datagram, counted from 0 over both directions, that is lost for certain.
    pub(crate) lost: Option<u64>,
}

/// Datagrams under way.
#[derive(Debug)]
pub(crate) struct Link {
    weather: Weather,
    delay: Duration,
    dice: StdRng,
    sent: u64,
    under_way: BinaryHeap<Reverse<UnderWay>>,
}

/// Ordered by arrival, then by sending.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct UnderWay {
    at: Instant,
    order: u64,
    to: End,
    datagram: Vec<u8>,
}

const DELAY: Duration = Duration::from_millis(10);

impl Link {
    pub(crate) fn new(weather: Weather, seed: u64) -> Self {
        Self {
            weather,
            delay: DELAY,
            dice: StdRng::seed_from_u64(seed),
            sent: 0,
            under_way: BinaryHeap::new(),
        }
    }

    /// A good link on which every datagram takes `delay`.
    pub(crate) fn long(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::new(Weather::default(), 0)
        }
    }

    /// Datagrams sent so far, lost ones too.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    pub(crate) fn send(&mut self, from: End, datagram: Vec<u8>, now: Instant) {
        let number = self.sent;
        self.sent += 1;
        let lost = self.dice.random_bool(self.weather.loss);
        if lost || self.weather.lost == Some(number) {
            return;
        }
        let doubled = self.dice.random_bool(self.weather.doubles);
        let copies = if doubled { 2 } else { 1 };
        for copy in 0..copies {
            let late = self.weather.jitter.mul_f64(self.dice.random());
            self.under_way.push(Reverse(UnderWay {
                at: now + self.delay + late,
                order: number * 2 + copy,
                to: from.other(),
                datagram: datagram.clone(),
            }));
        }
    }

    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.under_way.peek().map(|Reverse(first)| first.at)
    }

    /// Takes the next datagram that has arrived by `now`.
    pub(crate) fn arrive(&mut self, now: Instant) -> Option<(End, Vec<u8>)> {
        if self.next_arrival()? > now {
            return None;
        }
        self.under_way
            .pop()
            .map(|Reverse(first)| (first.to, first.datagram))
    }
}
