//! What transcoding costs: CPU seconds per call-minute, both ways of a call together, without
//! sockets and SRTP. `cargo bench -p media`; docs/performance.md explains the figures.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops where something is wrong"
)]

use media::benchmark::{transcode, voice};
use media::codec::AudioCodec;
use media::relay::AudioFormat;

const SECONDS: usize = 60;

fn main() {
    // `cargo test` builds and runs benches too.
    let seconds = if std::env::args().any(|argument| argument == "--bench") {
        SECONDS
    } else {
        1
    };
    let pcmu = format(AudioCodec::Pcmu);
    let voice = voice(seconds);
    println!("between            to the left   to the right   both, CPU s per call-minute");
    for (one, other) in [
        (AudioCodec::Opus, AudioCodec::Pcmu),
        (AudioCodec::Opus, AudioCodec::G722),
        (AudioCodec::G722, AudioCodec::Pcma),
        (AudioCodec::Pcmu, AudioCodec::Pcma),
    ] {
        let (one, other) = (format(one), format(other));
        let left = transcode(pcmu, one, &voice);
        let right = transcode(pcmu, other, &voice);
        let to_left = minute(seconds, || transcode(other, one, &right));
        let to_right = minute(seconds, || transcode(one, other, &left));
        let names = format!("{} and {}", one.codec, other.codec);
        println!(
            "{names:<18} {to_left:>11.3} {to_right:>14.3} {:>9.3}",
            to_left + to_right
        );
    }
}

fn format(codec: AudioCodec) -> AudioFormat {
    AudioFormat { codec, ptime: 20 }
}

/// CPU seconds of this thread, for a minute of what `work` does `seconds` of.
fn minute(seconds: usize, work: impl Fn() -> Vec<Vec<u8>>) -> f64 {
    let before = cpu_seconds();
    let packets = work().len();
    let spent = cpu_seconds() - before;
    assert!(packets + 2 >= seconds * 50, "{packets} packets");
    spent * 60.0 / seconds as f64
}

/// What the kernel says this thread has used: what other programs do meanwhile is not in it.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let first = text.split_ascii_whitespace().next().unwrap();
    first.parse::<f64>().unwrap() / 1e9
}
