//! What rounds have shown, as a table, and whether it may be believed.

mod goals;

use std::fmt::Write;
use std::time::Duration;

use crate::histogram::Histogram;
use crate::round::Round;

pub use goals::goals;

/// More than this of all packets lost is not the odd hiccup of a busy machine.
const LOSS_LIMIT: f64 = 0.001;
/// A generator that sends later than this in one of a hundred cases measures itself.
const LATENESS_LIMIT: Duration = Duration::from_millis(5);

/// One row per round, in Markdown.
#[must_use]
pub fn table(rounds: &[Round]) -> String {
    let mut text = String::from(
        "| gateway | calls | CPU s per call-minute | of it kernel | CPU ms per set-up | RSS idle, MB | RSS per call, kB | of it WebSocket \
         | set-up p50 / p99, ms | answer to audio p50 / p99, ms | sent | lost | video sent | lost | round trip p50 / p99, ms | without gateway | added \
         | generator late p99 / max, ms | other work, CPU s per s |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for round in rounds {
        row(&mut text, round).unwrap_or_else(|_| unreachable!("writing to a string"));
    }
    text
}

fn row(text: &mut String, round: &Round) -> std::fmt::Result {
    let calls = f64::from(round.calls.max(1));
    let call_minutes = calls * round.time.as_secs_f64() / 60.0;
    let cpu = round.cpu.as_secs_f64();
    let system = round.cpu_system.as_secs_f64();
    let grown = |resident: u64| (resident as f64 - round.resident_idle as f64) / calls / 1e3;
    let through = &round.through.findings;
    let direct = &round.direct.findings;
    let added = |part: f64| {
        let with = through.round_trip.quantile(part)?;
        let without = direct.round_trip.quantile(part)?;
        Some(with.saturating_sub(without))
    };
    writeln!(
        text,
        "| {}{} | {} | {:.4} | {:.0} % | {:.1} | {:.1} | {:.0} | {:.0} | {} | {} | {} | {} | {} | {} | {} | {} | {} / {} | {} / {} | {:.2} |",
        round.door.name(),
        round.carried.remark(),
        round.calls,
        cpu / call_minutes,
        if cpu > 0.0 {
            (system / cpu).min(1.0) * 100.0
        } else {
            0.0
        },
        milliseconds(round.cpu_set_up) / calls,
        round.resident_idle as f64 / 1e6,
        grown(round.resident),
        grown(round.resident_connected),
        quantiles(&round.set_up, 1),
        quantiles(&round.heard, 0),
        through.sent,
        through.lost(),
        round.through.video.sent,
        round.through.video.lost(),
        quantiles(&through.round_trip, 2),
        quantiles(&direct.round_trip, 2),
        shown(added(0.5), 2),
        shown(added(0.99), 2),
        shown(round.through.punctuality.lateness.quantile(0.99), 1),
        shown(Some(round.through.punctuality.lateness.longest()), 1),
        round.cpu_others.as_secs_f64() / round.time.as_secs_f64(),
    )
}

/// What is wrong with a round; empty when its figures stand and the gateway did its work.
#[must_use]
pub fn problems(round: &Round) -> Vec<String> {
    let mut problems: Vec<String> = round.failures.clone();
    let mut blame = |wrong: bool, text: String| {
        if wrong {
            problems.push(text);
        }
    };
    let (through, direct) = (&round.through, &round.direct);
    let lost = through.findings.lost();
    let lost_by_itself = direct.findings.lost() + direct.video.lost();
    let loss = lost as f64 / through.findings.sent.max(1) as f64;
    blame(
        round.up < round.calls,
        format!("{} of {} calls came up", round.up, round.calls),
    );
    blame(
        through.silent > 0,
        format!("{} silent calls", through.silent),
    );
    for (call, failure) in &through.failures {
        blame(true, format!("call {call}: {failure}"));
    }
    blame(
        loss > LOSS_LIMIT,
        format!("{lost} packets lost ({loss:.5})"),
    );
    let video = &through.video;
    blame(
        video.lost() as f64 > video.sent as f64 * LOSS_LIMIT,
        format!("{} packets of video lost of {}", video.lost(), video.sent),
    );
    blame(
        video.damaged + video.duplicates > 0,
        format!(
            "{} packets of video came back damaged, {} twice",
            video.damaged, video.duplicates
        ),
    );
    blame(
        through.findings.damaged > 0,
        format!("{} packets came back damaged", through.findings.damaged),
    );
    blame(
        through.findings.duplicates > 0,
        format!("{} packets came back twice", through.findings.duplicates),
    );
    blame(
        lost_by_itself > 0,
        format!("the generator loses {lost_by_itself} by itself"),
    );
    blame(
        round.far_end_failed > 0,
        format!("the far end could not return {}", round.far_end_failed),
    );
    for (name, outcome) in [("with", through), ("without", direct)] {
        let punctuality = &outcome.punctuality;
        let late = punctuality.lateness.quantile(0.99).unwrap_or_default();
        blame(
            punctuality.not_sent > 0,
            format!("{} not sent {name} the gateway", punctuality.not_sent),
        );
        blame(
            late > LATENESS_LIMIT,
            format!("the generator is late by {late:?} {name} the gateway: figures do not count"),
        );
    }
    problems
}

fn quantiles(histogram: &Histogram, digits: usize) -> String {
    let (half, most) = (histogram.quantile(0.5), histogram.quantile(0.99));
    format!("{} / {}", shown(half, digits), shown(most, digits))
}

fn shown(duration: Option<Duration>, digits: usize) -> String {
    duration.map_or_else(
        || "-".to_owned(),
        |duration| format!("{:.digits$}", milliseconds(duration)),
    )
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
