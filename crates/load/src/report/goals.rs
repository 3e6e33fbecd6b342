//! The same figures beside the goals, and beside Janus and rtpengine where they took their turn.

use std::fmt::Write;
use std::time::Duration;

use crate::door::Door;
use crate::round::Round;

/// A figure of a round, its name, and the goal at this number of calls.
struct Row {
    name: &'static str,
    figure: fn(&Round) -> Option<f64>,
    digits: usize,
    goal: fn(u32) -> Option<f64>,
    /// Where both sides speak different codecs.
    goal_transcoded: Option<f64>,
}

const ROWS: [Row; 9] = [
    Row {
        name: "CPU s per call-minute",
        figure: |round| Some(cpu_per_call_minute(round)),
        digits: 4,
        goal: |calls| match calls {
            100 => Some(0.045),
            500 => Some(0.040),
            _ => None,
        },
        goal_transcoded: Some(0.30),
    },
    Row {
        name: "calls per core, from it",
        figure: |round| Some(60.0 / cpu_per_call_minute(round)),
        digits: 0,
        goal: |calls| (calls == 500).then_some(1500.0),
        goal_transcoded: None,
    },
    Row {
        name: "packets lost, of a million",
        figure: |round| {
            let findings = &round.through.findings;
            Some(1e6 * findings.lost() as f64 / findings.sent.max(1) as f64)
        },
        digits: 0,
        goal: |calls| (calls >= 500).then_some(10.0),
        goal_transcoded: None,
    },
    Row {
        name: "added round trip p50, ms",
        figure: |round| added(round, 0.5),
        digits: 2,
        goal: |calls| (calls == 100).then_some(0.15),
        goal_transcoded: None,
    },
    Row {
        name: "added round trip p99, ms",
        figure: |round| added(round, 0.99),
        digits: 2,
        goal: |calls| (calls == 100).then_some(0.5),
        goal_transcoded: None,
    },
    Row {
        name: "session-create to first echoed packet p50, ms",
        figure: |round| round.set_up.quantile(0.5).map(milliseconds),
        digits: 1,
        goal: |calls| (calls == 100).then_some(20.0),
        goal_transcoded: None,
    },
    Row {
        name: "the same p99, ms",
        figure: |round| round.set_up.quantile(0.99).map(milliseconds),
        digits: 1,
        goal: |_| None,
        goal_transcoded: None,
    },
    Row {
        name: "CPU ms per set-up",
        figure: |round| Some(milliseconds(round.cpu_set_up) / calls(round)),
        digits: 1,
        goal: |calls| (calls == 100).then_some(2.0),
        goal_transcoded: None,
    },
    Row {
        name: "resident memory per call, kB",
        figure: |round| {
            let grown = round.resident as f64 - round.resident_idle as f64;
            Some(grown / calls(round) / 1e3)
        },
        digits: 0,
        goal: |calls| (calls == 100).then_some(60.0),
        goal_transcoded: None,
    },
];

/// One table for each number of calls, in Markdown.
#[must_use]
pub fn goals(rounds: &[Round]) -> String {
    let mut text = String::new();
    for ours in rounds.iter().filter(|round| is_ours(round)) {
        let other = |is: fn(&Door) -> bool| {
            let same = |round: &&Round| round.calls == ours.calls && is(&round.door);
            rounds.iter().find(same)
        };
        let janus = other(|door| matches!(door, Door::Janus { .. }));
        let rtpengine = other(|door| matches!(door, Door::Rtpengine { .. }));
        table(&mut text, ours, janus, rtpengine)
            .unwrap_or_else(|_| unreachable!("writing to a string"));
    }
    text
}

fn table(
    text: &mut String,
    ours: &Round,
    janus: Option<&Round>,
    rtpengine: Option<&Round>,
) -> std::fmt::Result {
    writeln!(
        text,
        "| at {} calls{} | sylk-gateway | goal | Janus | rtpengine | of Janus | of rtpengine |\n\
         |---|---|---|---|---|---|---|",
        ours.calls,
        if ours.transcoded { ", transcoding" } else { "" },
    )?;
    for row in &ROWS {
        let digits = row.digits;
        let shown = |figure: Option<f64>| {
            figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
        };
        let figure = |round: Option<&Round>| round.and_then(row.figure);
        let our = (row.figure)(ours);
        let ratio = |their: Option<f64>| match (our, their) {
            (Some(our), Some(their)) if their > 0.0 => format!("{:.2}", our / their),
            (Some(_) | None, Some(_) | None) => "-".to_owned(),
        };
        let (janus, rtpengine) = (figure(janus), figure(rtpengine));
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            shown(our),
            shown(if ours.transcoded {
                row.goal_transcoded
            } else {
                (row.goal)(ours.calls)
            }),
            shown(janus),
            shown(rtpengine),
            ratio(janus),
            ratio(rtpengine),
        )?;
    }
    writeln!(text)
}

fn is_ours(round: &Round) -> bool {
    match round.door {
        Door::Sylk { .. } => true,
        Door::Janus { .. } | Door::Rtpengine { .. } => false,
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
