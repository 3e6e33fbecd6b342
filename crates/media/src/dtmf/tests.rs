//! Digits as characters, payloads and sound.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::tone::{COLUMNS, ROWS, Tone};
use super::*;

#[test]
fn digits_are_their_characters() {
    for (code, character) in (0..16).zip("0123456789*#ABCD".chars()) {
        let digit = Digit::from_event(code).expect("a digit");
        assert_eq!(digit.as_char(), character);
        assert_eq!(
            Digit::from_char(character.to_ascii_lowercase()),
            Some(digit)
        );
    }
    assert_eq!(Digit::from_event(16), None);
    assert_eq!(Digit::from_char('x'), None);
}

#[test]
fn a_payload_is_read_and_written_back() {
    let bytes = [11, 0x8a, 0x03, 0xc0];
    let payload = EventPayload::parse(&bytes).expect("a digit");
    assert_eq!((payload.digit.as_char(), payload.end), ('#', true));
    assert_eq!((payload.volume, payload.duration), (10, 960));
    assert_eq!(payload.to_bytes(), bytes);
    assert_eq!(EventPayload::parse(&bytes[..3]), None);
    assert_eq!(
        EventPayload::parse(&[16, 0, 0, 0]),
        None,
        "flash is no digit"
    );
}

/// Hears `pcm` in packets of 20 ms at 8 kHz, and silence behind it.
fn heard(pcm: &[i16]) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "the origin of a test's virtual time"
    )]
    let mut now = Instant::now();
    let mut listener = Listener::new(8_000);
    let mut digits = String::new();
    for packet in pcm.chunks(160).chain([[0; 160].as_slice(); 3]) {
        now += Duration::from_millis(20);
        listener.hear(packet, now);
        digits.extend(listener.poll_key().map(|dtmf| dtmf.digit.as_char()));
    }
    listener.handle_timeout(now + Duration::from_secs(1));
    digits.extend(listener.poll_key().map(|dtmf| dtmf.digit.as_char()));
    digits
}

/// Two tones of these peaks for so many milliseconds, after `before` samples of nothing.
fn tones(hertz: [f64; 2], peaks: [f64; 2], milliseconds: usize, before: usize) -> Vec<i16> {
    let sample = |at: usize| {
        let turns = hertz.map(|hertz| hertz * at as f64 / 8_000.0 * std::f64::consts::TAU);
        (turns[0].sin() * peaks[0] + turns[1].sin() * peaks[1]) as i16
    };
    let tone = (0..milliseconds * 8).map(sample);
    std::iter::repeat_n(0, before).chain(tone).collect()
}

#[test]
fn all_keys_are_played_and_heard() {
    for (code, character) in (0..16).zip(DIGITS) {
        let digit = Digit::from_event(code).expect("a digit");
        let mut pcm = Vec::new();
        Tone::new(digit, 8_000, 400).play(400, &mut pcm);
        assert_eq!(pcm.len(), 400);
        assert_eq!(heard(&pcm), character.to_string());
    }
}

#[test]
fn forty_milliseconds_are_a_key_wherever_they_begin_and_twenty_are_none() {
    for before in 0..110 {
        let long = tones([ROWS[1], COLUMNS[1]], [7_000.0, 9_000.0], 40, before);
        assert_eq!(heard(&long), "5", "{before}");
        let short = tones([ROWS[1], COLUMNS[1]], [7_000.0, 9_000.0], 20, before);
        assert_eq!(heard(&short), "", "{before}");
    }
}

#[test]
fn a_pause_of_forty_milliseconds_parts_two_keys() {
    for before in 0..110 {
        let mut pcm = tones([ROWS[0], COLUMNS[0]], [7_000.0, 9_000.0], 60, before);
        pcm.extend([0; 320]);
        pcm.extend(tones([ROWS[0], COLUMNS[0]], [7_000.0, 9_000.0], 60, 0));
        assert_eq!(heard(&pcm), "11", "{before}");
    }
}

#[test]
fn tones_may_be_off_by_what_the_standard_allows() {
    for (row, column, key) in [
        (ROWS[0], COLUMNS[0], "1"),
        (ROWS[1], COLUMNS[2], "6"),
        (ROWS[3], COLUMNS[3], "D"),
    ] {
        for off in [0.985, 1.0, 1.015] {
            let hertz = [row * off, column * off];
            for peaks in [
                [7_000.0, 9_000.0],
                // As quiet as -33 dBm0, either tone 4 and 8 dB louder.
                [500.0, 500.0],
                [800.0, 505.0],
                [500.0, 1_150.0],
            ] {
                assert_eq!(
                    heard(&tones(hertz, peaks, 60, 17)),
                    key,
                    "{hertz:?} {peaks:?}"
                );
            }
        }
        assert_eq!(heard(&tones([row * 1.035, column], [7e3, 9e3], 60, 0)), "");
        assert_eq!(heard(&tones([row, column * 0.965], [7e3, 9e3], 60, 0)), "");
        assert_eq!(heard(&tones([row, column], [9e3, 900.0], 60, 0)), "");
    }
}

/// Ten minutes of vowels without a pause, which is the worst there is.
#[test]
fn what_sounds_like_speech_is_hardly_ever_a_key() {
    let mut false_keys = String::new();
    for seed in 0..60 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut pcm = Vec::new();
        // Ten seconds of syllables: harmonics of a voice that slides, under three formants.
        while pcm.len() < 80_000 {
            let pitch: f64 = rng.random_range(80.0..330.0);
            let slide: f64 = rng.random_range(-60.0..60.0);
            let formants = [
                rng.random_range(250.0..900.0),
                rng.random_range(900.0..2_300.0),
                rng.random_range(2_300.0..3_300.0),
            ];
            let length: usize = rng.random_range(600..3_000);
            let (mut turns, mut jitter) = (0.0, 0.0);
            for at in 0..length {
                // No voice holds its pitch to less than a hundredth, or goes without breath.
                if at % 80 == 0 {
                    jitter = rng.random_range(-0.01..0.01);
                }
                let hertz = (pitch + slide * at as f64 / 8_000.0) * (1.0 + jitter);
                turns += hertz / 8_000.0;
                let mut sample = rng.random_range(-0.02..0.02);
                let mut harmonic = 1.0;
                while harmonic * hertz < 3_400.0 {
                    let gain: f64 = formants
                        .iter()
                        .map(|formant| 1.0 / (1.0 + ((harmonic * hertz - formant) / 60.0).powi(2)))
                        .sum();
                    sample += gain * (turns * harmonic * std::f64::consts::TAU).sin();
                    harmonic += 1.0;
                }
                pcm.push((sample * 6_000.0) as i16);
            }
        }
        false_keys.push_str(&heard(&pcm));
    }
    assert!(false_keys.len() <= 1, "{false_keys}");
}
