//! Thousands of seeds, and each the same however often it is played.
//!
//! `SEED=n cargo test -p sip-stack simulate` plays one of them and prints its trace.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Tally, Trace, meddled, run};

/// After so many that failed, a share gives up.
const MAX_FAILED: usize = 8;
/// How many seeds each of the four shares has; `SEEDS=n` plays more.
const SEEDS: u64 = 1000;

#[test]
fn every_seed_ends_with_nothing_left_1() {
    play(0);
}

#[test]
fn every_seed_ends_with_nothing_left_2() {
    play(1);
}

#[test]
fn every_seed_ends_with_nothing_left_3() {
    play(2);
}

#[test]
fn every_seed_ends_with_nothing_left_4() {
    play(3);
}

#[test]
fn a_seed_gives_the_same_trace_every_time() {
    for seed in 0..100 {
        let (tally, trace) = run(seed, Trace::kept());
        let (again, same) = run(seed, Trace::kept());
        assert_eq!(tally, again);
        assert!(!trace.text().is_empty());
        assert!(
            trace.text() == same.text(),
            "seed {seed}: {}",
            first_difference(&trace, &same)
        );
    }
}

#[test]
fn every_seed_of_the_fuzz_target_ends_with_nothing_left() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/sip_user_agent");
    let mut paths: Vec<_> = std::fs::read_dir(corpus)
        .expect("the corpus is committed")
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let orders = std::fs::read(&path).expect("readable");
        meddle(&orders, &path.display().to_string());
    }
}

#[test]
fn whatever_the_meddler_does_nothing_is_left() {
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..300 {
        let length = rng.random_range(0..120);
        let orders: Vec<u8> = (0..length).map(|_| rng.random()).collect();
        meddle(&orders, &format!("{orders:?}"));
    }
}

/// `ORDERS=file` plays one with its trace.
#[test]
fn orders_are_replayed_from_a_file() {
    if let Ok(path) = std::env::var("ORDERS") {
        let orders = std::fs::read(path).expect("ORDERS is a file");
        drop(meddled(&orders, Trace::Live(print)));
    }
}

fn meddle(orders: &[u8], name: &str) {
    let outcome = catch_unwind(AssertUnwindSafe(|| meddled(orders, Trace::Silent)));
    if let Err(cause) = outcome {
        print(&format!("failed: {name}"));
        resume_unwind(cause);
    }
}

fn first_difference(one: &Trace, other: &Trace) -> String {
    let lines = one.text().lines().zip(other.text().lines());
    let mut different = lines.filter(|(one, other)| one != other);
    match different.next() {
        Some((one, other)) => format!("\n{one}\n{other}"),
        None => "one is longer".to_owned(),
    }
}

/// One share of the seeds; or, once, the seed that was asked for.
fn play(share: u64) {
    if let Ok(seed) = std::env::var("SEED") {
        if share == 0 {
            let seed = seed.parse().expect("SEED is a number");
            drop(run(seed, Trace::Live(print)));
        }
        return;
    }
    let seeds =
        std::env::var("SEEDS").map_or(SEEDS, |text| text.parse().expect("SEEDS is a number"));
    let mut total = Tally::default();
    let mut failed = Vec::new();
    for seed in share * seeds..(share + 1) * seeds {
        match catch_unwind(AssertUnwindSafe(|| run(seed, Trace::Silent))) {
            Ok((tally, _)) => total += tally,
            Err(_) => {
                print(&format!(
                    "seed {seed} failed; SEED={seed} cargo test -p sip-stack simulate"
                ));
                failed.push(seed);
            }
        }
        if failed.len() == MAX_FAILED {
            break;
        }
    }
    assert!(
        failed.is_empty(),
        "seeds {failed:?} failed; SEED=n cargo test -p sip-stack simulate plays one again"
    );
    print(&format!("{seeds} seeds: {total:?}"));
    // Many calls are answered even so, and many changes go through: the rest meets another
    // change, the end of the call, or somebody who does not want it.
    assert!(total.answered * 3 > total.calls, "{total:?}");
    assert!(total.changed * 3 > total.unchanged, "{total:?}");
    let Tally {
        refreshed,
        referred,
        transferred,
        replaced,
        texts,
        pracks,
        updates,
        ..
    } = total;
    let all = [
        refreshed,
        referred,
        transferred,
        replaced,
        texts,
        pracks,
        updates,
    ];
    assert!(all.iter().all(|count| *count > 0), "{total:?}");
}

/// Past the test runner, which would keep it back.
fn print(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
