//! The figures that have goals: the gateway's beside the floor's, Janus's and rtpengine's.
//!
//! One table for a whole run. What a call costs is told for every round, what its set-up, its
//! memory and its way cost for the round that the goals are about.

use std::fmt::Write;
use std::time::Duration;

use crate::door::Door;
use crate::round::{Carried, Round};

/// The number of calls that most goals are about.
const USUAL: u32 = 100;

/// A figure of a round.
#[derive(Clone, Copy)]
struct Figure {
    name: &'static str,
    of: fn(&Round) -> Option<f64>,
    digits: usize,
    goal: fn(Carried, u32) -> &'static str,
}

const CPU: Figure = Figure {
    name: "CPU s per call-minute",
    of: |round| Some(cpu_per_call_minute(round)),
    digits: 4,
    goal: |carried, calls| match (carried, calls) {
        (Carried::Relayed, USUAL) => "0.045; 0.2 of Janus, 0.35 of rtpengine",
        (Carried::Relayed, 500) => "0.040",
        (Carried::Relayed, _) | (Carried::Video, _) => "",
        (Carried::Transcoded, _) => "0.30; 0.18 of rtpengine",
    },
};

/// Of the round with the most calls.
const OF_MANY: [Figure; 2] = [
    Figure {
        name: "calls per core, from it",
        of: |round| Some(60.0 / cpu_per_call_minute(round)),
        digits: 0,
        goal: |_, calls| at(500, calls, "1500"),
    },
    Figure {
        name: "packets lost, of a million",
        of: |round| {
            let findings = &round.through.findings;
            Some(1e6 * findings.lost() as f64 / findings.sent.max(1) as f64)
        },
        digits: 0,
        goal: |_, calls| at(500, calls, "10"),
    },
];

/// Of the round that the goals are about.
const OF_USUAL: [Figure; 6] = [
    Figure {
        name: "added round trip p50, ms",
        of: |round| added(round, 0.5),
        digits: 2,
        goal: |_, calls| at(USUAL, calls, "0.15"),
    },
    Figure {
        name: "added round trip p99, ms",
        of: |round| added(round, 0.99),
        digits: 2,
        goal: |_, calls| at(USUAL, calls, "0.5"),
    },
    Figure {
        name: "session-create to first echoed packet p50, ms",
        of: |round| round.set_up.quantile(0.5).map(milliseconds),
        digits: 1,
        goal: |_, calls| at(USUAL, calls, "20"),
    },
    Figure {
        name: "the same p99, ms",
        of: |round| round.set_up.quantile(0.99).map(milliseconds),
        digits: 1,
        goal: |_, _| "",
    },
    Figure {
        name: "CPU ms per set-up",
        of: |round| Some(milliseconds(round.cpu_set_up) / calls(round)),
        digits: 1,
        goal: |_, calls| at(USUAL, calls, "2"),
    },
    MEMORY,
];

const MEMORY: Figure = Figure {
    name: "resident memory per call, kB",
    of: |round| {
        let grown = round.resident as f64 - round.resident_idle as f64;
        Some(grown / calls(round) / 1e3)
    },
    digits: 0,
    goal: |carried, calls| match carried {
        Carried::Relayed => at(USUAL, calls, "60"),
        Carried::Transcoded | Carried::Video => "",
    },
};

fn at(wanted: u32, calls: u32, goal: &'static str) -> &'static str {
    if calls == wanted { goal } else { "" }
}

const VIDEO_LOST: Figure = Figure {
    name: "packets of video lost, of a million",
    of: |round| {
        let findings = &round.through.video;
        Some(1e6 * findings.lost() as f64 / findings.sent.max(1) as f64)
    },
    digits: 0,
    goal: |_, _| "",
};

/// The table, in Markdown; empty without a round of ours.
#[must_use]
pub fn goals(rounds: &[Round]) -> String {
    let mut text = String::new();
    write(&mut text, rounds).unwrap_or_else(|_| unreachable!("writing to a string"));
    text
}

fn write(text: &mut String, rounds: &[Round]) -> std::fmt::Result {
    let ours: Vec<&Round> = rounds.iter().filter(|round| is_ours(&round.door)).collect();
    if ours.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "| | calls | gateway | goal | floor | Janus | rtpengine | of the floor | of Janus | of rtpengine |\n\
         |---|---|---|---|---|---|---|---|---|---|"
    )?;
    let of = |carried| ours.iter().filter(move |round| round.carried == carried);
    for round in of(Carried::Relayed) {
        row(text, rounds, round, CPU)?;
    }
    if let Some(many) = of(Carried::Relayed).max_by_key(|round| round.calls) {
        for figure in OF_MANY {
            row(text, rounds, many, figure)?;
        }
    }
    let usual = of(Carried::Relayed).find(|round| round.calls == USUAL);
    if let Some(usual) = usual.or_else(|| of(Carried::Relayed).next()) {
        for figure in OF_USUAL {
            row(text, rounds, usual, figure)?;
        }
    }
    for round in of(Carried::Transcoded) {
        row(text, rounds, round, CPU)?;
    }
    for round in of(Carried::Video) {
        for figure in [CPU, MEMORY, VIDEO_LOST] {
            row(text, rounds, round, figure)?;
        }
    }
    Ok(())
}

/// One figure of a round of ours and of those that took their turns with it.
fn row(text: &mut String, rounds: &[Round], ours: &Round, figure: Figure) -> std::fmt::Result {
    let digits = figure.digits;
    let shown = |found: Option<f64>| {
        found.map_or_else(|| "-".to_owned(), |found| format!("{found:.digits$}"))
    };
    let our = (figure.of)(ours);
    let other = |is: fn(&Door) -> bool| {
        let same = |round: &&Round| {
            (round.calls, round.carried) == (ours.calls, ours.carried) && is(&round.door)
        };
        rounds.iter().find(same).and_then(figure.of)
    };
    let others = [
        other(|door| matches!(door, Door::Floor { .. })),
        other(|door| matches!(door, Door::Janus { .. })),
        other(|door| matches!(door, Door::Rtpengine { .. })),
    ];
    let ratio = |their: Option<f64>| match (our, their) {
        (Some(our), Some(their)) if their > 0.0 => format!("{:.2}", our / their),
        (Some(_) | None, Some(_) | None) => "-".to_owned(),
    };
    let [floor, janus, rtpengine] = others.map(shown);
    let [of_floor, of_janus, of_rtpengine] = others.map(ratio);
    writeln!(
        text,
        "| {}{} | {} | {} | {} | {floor} | {janus} | {rtpengine} | {of_floor} | {of_janus} | {of_rtpengine} |",
        figure.name,
        ours.carried.remark(),
        ours.calls,
        shown(our),
        (figure.goal)(ours.carried, ours.calls),
    )
}

fn is_ours(door: &Door) -> bool {
    match door {
        Door::Sylk { .. } => true,
        Door::Floor { .. } | Door::Janus { .. } | Door::Rtpengine { .. } => false,
    }
}

fn calls(round: &Round) -> f64 {
    f64::from(round.calls.max(1))
}

fn cpu_per_call_minute(round: &Round) -> f64 {
    round.cpu.as_secs_f64() / (calls(round) * round.time.as_secs_f64() / 60.0)
}

fn added(round: &Round, part: f64) -> Option<f64> {
    let with = round.through.findings.round_trip.quantile(part)?;
    let without = round.direct.findings.round_trip.quantile(part)?;
    Some(milliseconds(with.saturating_sub(without)))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
