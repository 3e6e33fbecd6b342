//! No key doubled and none lost, in whatever form it comes and leaves, at five per cent of loss on
//! both networks.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{EventClock, FRAME, Path, Way, path, pt};
use crate::codec::AudioCodec;
use crate::dtmf::{Digit, Dtmf, EventPayload};
use crate::relay::{AudioFormat, InBand};
use crate::rtp::Pt;

const LOSS: f64 = 0.05;
const KEYS: &str = "1102594482**#A";

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn digit(character: char) -> Digit {
    Digit::from_char(character).expect("a digit")
}

/// A source of 20 ms packets behind a network that loses some.
struct Source {
    way: Way,
    rng: StdRng,
    codec: AudioCodec,
    /// The keys of which nothing arrived.
    vanished: String,
}

impl Source {
    fn new(path: Path, seed: u64) -> Self {
        let codec = path.from.codec;
        Self {
            way: Way::new(path),
            rng: StdRng::seed_from_u64(seed),
            codec,
            vanished: String::new(),
        }
    }

    fn arrives(&mut self) -> bool {
        !self.rng.random_bool(LOSS)
    }

    fn units(&self) -> u32 {
        self.codec.clock_rate() / 50
    }

    fn speak(&mut self, packets: usize) {
        for _ in 0..packets {
            self.way.pass(FRAME);
            self.way.sequence = self.way.sequence.wrapping_add(1);
            self.way.timestamp = self.way.timestamp.wrapping_add(self.units());
            if self.arrives() {
                let (sequence, timestamp) = (self.way.sequence, self.way.timestamp);
                self.way
                    .receive(Pt::PCMU, sequence, timestamp, &[0xff; 160]);
            }
        }
    }

    /// By the book: 100 ms, an update each 20 ms, the end three times.
    fn press(&mut self, character: char) {
        let timestamp = self.way.timestamp.wrapping_add(self.units());
        let mut arrived = 0;
        for count in 1..=7_u16 {
            self.way.pass(FRAME);
            self.way.timestamp = self.way.timestamp.wrapping_add(self.units());
            let payload = EventPayload {
                digit: digit(character),
                end: count >= 5,
                volume: 10,
                duration: 160 * count.min(5),
            };
            if self.arrives() {
                self.way.event(126, timestamp, payload);
                arrived += 1;
            } else {
                self.way.sequence = self.way.sequence.wrapping_add(1);
            }
        }
        if arrived == 0 {
            self.vanished.push(character);
        }
    }

    /// As Chromium does beside Opus: the end alone, three times.
    fn press_like_chromium(&mut self, character: char) {
        let timestamp = self.way.timestamp;
        let mut arrived = 0;
        for _ in 0..3 {
            let payload = EventPayload {
                digit: digit(character),
                end: true,
                volume: 10,
                duration: 800,
            };
            if self.arrives() {
                self.way.event(126, timestamp, payload);
                arrived += 1;
            } else {
                self.way.sequence = self.way.sequence.wrapping_add(1);
            }
        }
        self.way.pass(ms(100));
        self.way.timestamp = self.way.timestamp.wrapping_add(self.units() * 5);
        if arrived == 0 {
            self.vanished.push(character);
        }
    }

    /// What was told of the keys.
    fn told(&self) -> String {
        let told = self.way.digits.iter();
        told.map(|dtmf| dtmf.digit.as_char()).collect()
    }

    /// Sends on what has left, through a network that loses some of it.
    fn carry_to(&mut self, phone: &mut Way) {
        let sent = std::mem::take(&mut self.way.sent);
        for packet in sent {
            let passed = packet.at.saturating_duration_since(phone.now);
            phone.pass(passed);
            let mut bytes = packet.header.to_bytes().to_vec();
            bytes.extend_from_slice(&packet.payload);
            if self.arrives() {
                phone.receive_raw(&mut bytes);
            }
        }
        phone.pass(ms(500));
    }
}

/// What a phone makes of telephone-events: it has our payload type of them.
fn phone() -> Way {
    let mut path = path(AudioCodec::Pcmu, None);
    path.receive
        .insert(pt(101), crate::relay::PayloadKind::Event(EventClock::Khz8));
    path.receive
        .insert(Pt::PCMA, crate::relay::PayloadKind::Audio);
    Way::new(path)
}

/// What a phone hears in the sound: transcoded from `codec`, or G.711 as it is.
fn ear(codec: AudioCodec, packet_time: u16) -> Way {
    let mut path = path(AudioCodec::Pcma, None);
    path.receive
        .insert(Pt::PCMA, crate::relay::PayloadKind::Audio);
    path.from = AudioFormat {
        codec,
        ptime: packet_time,
    };
    if codec == AudioCodec::Pcma {
        path.to = path.from;
    }
    path.in_band = InBand::Listen;
    Way::new(path)
}

fn keys_of(way: &Way) -> String {
    way.digits.iter().map(|d| d.digit.as_char()).collect()
}

/// `KEYS` without those that never came.
fn expected(vanished: &str) -> String {
    let mut keys = KEYS.to_owned();
    for lost in vanished.chars() {
        let at = keys.rfind(lost).expect("one of them");
        keys.remove(at);
    }
    keys
}

fn sorted(keys: &str) -> Vec<char> {
    let mut keys: Vec<_> = keys.chars().collect();
    keys.sort_unstable();
    keys
}

#[test]
fn events_become_events() {
    for seed in 0..300 {
        let clock = [EventClock::Khz8, EventClock::Khz48][seed as usize % 2];
        let mut source = Source::new(path(AudioCodec::Opus, Some(clock)), seed);
        let mut phone = phone();
        source.speak(5);
        for key in KEYS.chars() {
            match seed % 3 {
                0 => source.press_like_chromium(key),
                _ => source.press(key),
            }
            source.speak(5);
        }
        source.way.pass(ms(500));
        let keys = expected(&source.vanished);
        assert_eq!(sorted(&source.told()), sorted(&keys), "told, seed {seed}");
        source.carry_to(&mut phone);
        assert_eq!(sorted(&keys_of(&phone)), sorted(&keys), "seed {seed}");
    }
}

#[test]
fn events_become_tones_in_every_codec() {
    // G.722 and Opus are decoded, which losses disturb: some calls of fourteen keys may suffer.
    for (codec, packet_time, seeds, wrong) in [
        (AudioCodec::Pcma, 20, 120, 0),
        (AudioCodec::Pcma, 30, 40, 0),
        (AudioCodec::G722, 20, 40, 2),
        (AudioCodec::Opus, 20, 20, 4),
    ] {
        let mut suffered = 0;
        for seed in 0..seeds {
            let mut path = path(codec, None);
            path.in_band = InBand::Play;
            path.to.ptime = packet_time;
            path.from.ptime = packet_time;
            let mut source = Source::new(path, seed);
            let mut ear = ear(codec, packet_time);
            source.speak(5);
            for key in KEYS.chars() {
                source.press(key);
                source.speak(10);
            }
            source.way.pass(ms(500));
            let keys = expected(&source.vanished);
            assert_eq!(sorted(&source.told()), sorted(&keys), "told, seed {seed}");
            source.carry_to(&mut ear);
            suffered += usize::from(keys_of(&ear) != keys);
        }
        assert!(suffered <= wrong, "{codec}, {packet_time} ms: {suffered}");
    }
}

#[test]
fn tones_become_keys_and_the_sound_passes() {
    for seed in 0..120 {
        // The page's requests, played; heard again as a phone's sound.
        let mut playing = path(AudioCodec::Pcma, None);
        playing.in_band = InBand::Play;
        let mut source = Source::new(playing, seed);
        let mut ear = ear(AudioCodec::Pcma, 20);
        source.speak(5);
        for key in KEYS.chars() {
            let dtmf = Dtmf {
                digit: digit(key),
                duration: ms(100),
            };
            source.way.rewriter.send_digit(dtmf, source.way.now);
            source.way.drain();
        }
        source.speak(150);
        source.way.pass(ms(500));
        source.carry_to(&mut ear);
        assert_eq!(keys_of(&ear), KEYS, "seed {seed}");
        assert!(ear.sent.len() > 120, "the sound is passed on");
    }
}

#[test]
fn a_phone_that_says_each_key_twice_is_heard_once() {
    for seed in 0..300 {
        let mut source = Source::new(path(AudioCodec::Pcmu, Some(EventClock::Khz8)), seed);
        let mut browser = phone();
        source.speak(5);
        for (count, key) in KEYS.chars().enumerate() {
            let dtmf = Dtmf {
                digit: digit(key),
                duration: ms(100),
            };
            // The INFO comes before the events, in their midst or behind them.
            let order = (seed as usize + count) % 3;
            if order == 0 {
                source.way.rewriter.handle_told(dtmf, source.way.now);
                source.way.drain();
                source.speak(1);
            }
            source.press(key);
            if order > 0 {
                source.speak(order - 1);
                source.way.rewriter.handle_told(dtmf, source.way.now);
                source.way.drain();
            }
            source.speak(15);
        }
        source.way.pass(ms(500));
        assert_eq!(sorted(&source.told()), sorted(KEYS), "told, seed {seed}");
        source.carry_to(&mut browser);
        assert_eq!(sorted(&keys_of(&browser)), sorted(KEYS), "seed {seed}");
    }
}

#[test]
fn a_key_that_is_told_becomes_an_event_and_on_hold_it_is_told_alone() {
    let mut way = Way::new(path(AudioCodec::Pcmu, Some(EventClock::Khz8)));
    let dtmf = Dtmf {
        digit: digit('7'),
        duration: ms(160),
    };
    way.audio();
    way.rewriter.handle_told(dtmf, way.now);
    way.drain();
    way.pass(ms(300));
    let events = way.events();
    assert!(events.iter().all(|(_, event)| event.digit == digit('7')));
    assert_eq!(events.last().map(|(_, event)| event.duration), Some(1_280));
    way.rewriter.set_gate(false, way.now);
    way.rewriter.handle_told(dtmf, way.now);
    way.drain();
    way.pass(ms(300));
    assert_eq!(way.events().len(), events.len());
    assert_eq!(way.digits, [dtmf, dtmf]);
    way.assert_no_gap();
}

#[test]
fn numbers_and_times_go_on_over_tones() {
    let mut path = path(AudioCodec::Pcmu, None);
    path.in_band = InBand::Play;
    let mut way = Way::new(path);
    for round in 0..3 {
        for _ in 0..5 {
            way.audio();
        }
        let dtmf = Dtmf {
            digit: digit('5'),
            duration: ms(100 + round * 7),
        };
        way.rewriter.send_digit(dtmf, way.now);
        way.drain();
        for _ in 0..15 {
            way.audio();
        }
    }
    way.assert_no_gap();
    for pair in way.sent.windows(2) {
        let step = pair[1].header.timestamp.since(pair[0].header.timestamp);
        let passed = pair[1].at.duration_since(pair[0].at).as_millis() as i64 * 8;
        assert!(step >= 160, "{step}");
        assert!((step - passed).abs() <= 320, "{step} {passed}");
    }
}
