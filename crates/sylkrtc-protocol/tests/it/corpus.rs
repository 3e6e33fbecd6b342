//! The seeds of the fuzz targets, replayed on an ordinary compiler.

use std::path::Path;

use sylkrtc_protocol::{Dialect, decode, fuzz};

#[test]
fn every_seed_is_answered() {
    for (dialect, name) in [(Dialect::V1, "sylkrtc_v1"), (Dialect::V2, "sylkrtc_v2")] {
        let seeds = seeds(name);
        assert!(seeds.len() >= 30, "{name}: {} seeds", seeds.len());
        for (_, bytes) in &seeds {
            fuzz::decode_and_answer(dialect, bytes);
        }
    }
}

/// Seeds that begin with `ok-` are requests, the others are not: they reach what they are there for.
#[test]
fn every_seed_is_what_its_name_says() {
    for (dialect, name) in [(Dialect::V1, "sylkrtc_v1"), (Dialect::V2, "sylkrtc_v2")] {
        for (seed, bytes) in seeds(name) {
            let request =
                std::str::from_utf8(&bytes).is_ok_and(|text| decode(dialect, text).is_ok());
            assert_eq!(request, seed.starts_with("ok-"), "{name}/{seed}");
        }
    }
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                std::fs::read(entry.path()).unwrap(),
            )
        })
        .filter(|(name, _)| name.ends_with(".json"))
        .collect()
}
