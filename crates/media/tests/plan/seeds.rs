//! The fuzz targets of this crate: their corpora, and what grows out of these by chance.

use std::path::Path;

use media::fuzz;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 12] = [
    ("media_sdp", fuzz::sdp),
    ("media_rtp", fuzz::rtp),
    ("media_rtcp", fuzz::rtcp),
    ("media_client_hello", fuzz::client_hello),
    ("media_check", fuzz::check),
    ("media_browser", fuzz::browser),
    ("media_srtp", fuzz::srtp),
    ("media_crypto", fuzz::crypto),
    ("media_plan", fuzz::plan),
    ("media_transcode", fuzz::transcode),
    ("media_framing", fuzz::framing),
    ("media_feedback", fuzz::feedback),
];

#[test]
fn every_seed_of_the_fuzz_targets_keeps_the_promises() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            target(&seed);
        }
    }
}

/// `MUTATIONS=100000 TARGET=media_plan cargo test -p media --test plan grows` goes on for longer.
#[test]
fn whatever_grows_out_of_the_seeds_keeps_the_promises() {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let (mutations, seed) = (number("MUTATIONS"), number("SEED").unwrap_or(1));
    let only = std::env::var("TARGET").ok();
    for (name, target) in TARGETS {
        if only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let seeds = seeds(name);
        let mut dice = StdRng::seed_from_u64(seed);
        for _ in 0..mutations.unwrap_or(50) {
            let bytes = grow(&seeds, &mut dice);
            let survived = std::panic::catch_unwind(|| target(&bytes));
            assert!(survived.is_ok(), "{name}: b\"{}\"", bytes.escape_ascii());
        }
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut paths: Vec<_> = std::fs::read_dir(corpora.join(name))
        .expect(name)
        .map(|entry| entry.expect(name).path())
        .collect();
    paths.sort();
    let read = |path| std::fs::read(path).expect(name);
    paths.into_iter().map(read).collect()
}

/// One of the seeds after a few accidents.
fn grow(seeds: &[Vec<u8>], dice: &mut StdRng) -> Vec<u8> {
    let mut bytes = seeds[dice.random_range(0..seeds.len())].clone();
    for _ in 0..dice.random_range(1..8) {
        let at = dice.random_range(0..=bytes.len());
        let to = dice.random_range(at..=bytes.len().min(at + 64));
        match dice.random_range(0..6) {
            0 => bytes.insert(at, dice.random()),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let other = &seeds[dice.random_range(0..seeds.len())];
                let from = dice.random_range(0..=other.len());
                bytes.splice(at..to, other[from..].iter().copied());
            }
            choice => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = match choice {
                        4 => *byte ^ (1 << dice.random_range(0..8)),
                        _ => [0, 1, 0x7f, 0x80, 0xff, b' ', b'\n', b'='][dice.random_range(0..8)],
                    };
                }
            }
        }
    }
    bytes.truncate(16_000);
    bytes
}
