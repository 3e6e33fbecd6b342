//! How fast messages are read, beside `sipx-sip` and `rsip`: the whole message, and then the
//! fields that a user agent looks at.
//!
//! `cargo bench -p sip-stack --bench message` prints a table of CPU time per message. The
//! three take turns in many short rounds, so that whatever else the machine does meets all of
//! them; the figure is the median of the rounds, the ratio that of the figures. Before that,
//! all three must have read the same out of every message. Without `--bench` (as `cargo test
//! --benches` runs it) nothing else is done.

#[path = "message/corpus.rs"]
mod corpus;
#[path = "message/cpu.rs"]
mod cpu;
#[path = "message/ours.rs"]
mod ours;
#[path = "message/rsip.rs"]
mod rsip_crate;
#[path = "message/sipx.rs"]
mod sipx;
#[path = "message/tally.rs"]
mod tally;

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Duration;

use tally::Tally;

/// A parser: reads a datagram and adds up what it found.
type Reader = fn(&[u8]) -> Tally;

const READERS: [(&str, Reader); 3] = [
    ("sip-stack", ours::read),
    ("sipx-sip", sipx::read),
    ("rsip", rsip_crate::read),
];
/// How long one reader is measured in one round; the kernel's clock ticks every 4 ms at worst.
const ROUND: Duration = Duration::from_millis(60);
const ROUNDS: usize = 15;
/// How often a profiler sees every message.
const ALONE: u32 = 50_000;

fn main() -> io::Result<()> {
    for (name, message) in corpus::MESSAGES {
        let datagram = corpus::on_the_wire(message);
        let found = READERS.map(|(_, read)| read(&datagram));
        assert!(
            found.iter().all(|one| *one == found[0]),
            "{name}: {found:?}"
        );
    }
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    if let Some((_, read)) = READERS
        .iter()
        .find(|(name, _)| std::env::args().any(|argument| argument == *name))
    {
        alone(*read);
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| message | bytes | sip-stack, ns | sipx-sip, ns | rsip, ns | sipx-sip / ours | rsip / ours |\n\
         |---|---|---|---|---|---|---|"
    )?;
    let mut sums = [0.0; 3];
    for (name, message) in corpus::MESSAGES {
        let datagram = corpus::on_the_wire(message);
        let taken = measure(&datagram)?;
        for (sum, one) in sums.iter_mut().zip(taken) {
            *sum += one;
        }
        row(&mut out, name, datagram.len(), taken)?;
    }
    let bytes = corpus::MESSAGES.map(|(_, message)| corpus::on_the_wire(message).len());
    row(&mut out, "all, one of each", bytes.iter().sum(), sums)
}

/// One reader by itself, for a profiler: `cargo bench --bench message -- sip-stack`.
fn alone(read: Reader) {
    let datagrams = corpus::MESSAGES.map(|(_, message)| corpus::on_the_wire(message));
    for _ in 0..ALONE {
        for datagram in &datagrams {
            black_box(read(black_box(datagram)));
        }
    }
}

fn row(out: &mut impl Write, name: &str, bytes: usize, taken: [f64; 3]) -> io::Result<()> {
    let [ours, sipx, rsip] = taken;
    writeln!(
        out,
        "| {name} | {bytes} | {ours:.0} | {sipx:.0} | {rsip:.0} | {:.2} | {:.2} |",
        sipx / ours,
        rsip / ours
    )
}

/// Nanoseconds of CPU time per message of each reader: the median of interleaved rounds.
fn measure(datagram: &[u8]) -> io::Result<[f64; 3]> {
    let repeats = repeats_per_round(datagram)?;
    let mut rounds: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (reader, (_, read)) in READERS.iter().enumerate() {
            let start = cpu::of_this_thread()?;
            for _ in 0..repeats[reader] {
                black_box(read(black_box(datagram)));
            }
            let taken = cpu::of_this_thread()?.saturating_sub(start);
            rounds[reader].push(taken.as_secs_f64() * 1e9 / f64::from(repeats[reader]));
        }
    }
    Ok(rounds.map(|mut taken| {
        taken.sort_by(f64::total_cmp);
        taken[ROUNDS / 2]
    }))
}

/// How often each reader reads the message in about the time of a round.
fn repeats_per_round(datagram: &[u8]) -> io::Result<[u32; 3]> {
    let mut repeats = [1; 3];
    for (reader, (_, read)) in READERS.iter().enumerate() {
        loop {
            let start = cpu::of_this_thread()?;
            for _ in 0..repeats[reader] {
                black_box(read(black_box(datagram)));
            }
            if cpu::of_this_thread()?.saturating_sub(start) >= ROUND / 2 {
                break;
            }
            repeats[reader] *= 2;
        }
    }
    Ok(repeats)
}
