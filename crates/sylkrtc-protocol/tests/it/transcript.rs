//! The format of the transcripts, as `tests/transcripts/README.md` describes it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sylkrtc_protocol::Dialect;

pub(crate) struct Transcript {
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug)]
pub(crate) enum Line {
    Client(Value),
    Gateway { value: Value, when: When },
    Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Next,
    FromHereOn,
    Perhaps,
}

const STEPS: &[&str] = &[
    "phone rings",
    "phone sends early media",
    "phone answers",
    "phone is busy",
    "phone calls alice",
    "phone gives up",
    "phone holds",
    "phone resumes",
    "phone wants another codec",
    "phone hangs up",
    "browser connects",
    "account alice",
    "account alice wrong-password",
    "socket closes",
];

/// Reads every transcript, placeholders filled with samples.
pub(crate) fn all() -> Vec<Transcript> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut transcripts: Vec<Transcript> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            parse(name, &std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    transcripts.sort_by(|a, b| a.name.cmp(&b.name));
    transcripts
}

fn parse(name: String, text: &str) -> Transcript {
    let mut lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().unwrap_or_default();
    let dialect = first
        .strip_prefix("@ dialect ")
        .and_then(Dialect::from_subprotocols);
    let dialect = dialect.unwrap_or_else(|| panic!("{name}: begins with {first}"));
    let mut bound = BTreeMap::new();
    let lines: Vec<Line> = lines
        .map(|line| parse_line(&name, line, &mut bound))
        .collect();
    assert!(
        text.trim_end().ends_with("@ socket closes"),
        "{name}: the socket must close at the end"
    );
    Transcript {
        name,
        dialect,
        lines,
    }
}

fn parse_line(name: &str, line: &str, bound: &mut BTreeMap<String, Value>) -> Line {
    let (mark, rest) = line
        .split_once(' ')
        .unwrap_or_else(|| panic!("{name}: {line}"));
    let mut json = || {
        fill(
            &serde_json::from_str(rest).unwrap_or_else(|error| panic!("{name}: {error}: {rest}")),
            bound,
        )
    };
    match mark {
        "@" => {
            assert!(STEPS.contains(&rest), "{name}: unknown step {rest}");
            Line::Step
        }
        ">" => Line::Client(json()),
        "<" => Line::Gateway {
            value: json(),
            when: When::Next,
        },
        "<~" => Line::Gateway {
            value: json(),
            when: When::FromHereOn,
        },
        "<?" => Line::Gateway {
            value: json(),
            when: When::Perhaps,
        },
        _ => panic!("{name}: {line}"),
    }
}

/// The value with samples in the places of placeholders.
fn fill(value: &Value, bound: &mut BTreeMap<String, Value>) -> Value {
    match value {
        Value::String(text) => Value::String(fill_text(text, bound)),
        Value::Array(elements) => elements
            .iter()
            .map(|element| fill(element, bound))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (key.clone(), fill(value, bound)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn fill_text(text: &str, bound: &mut BTreeMap<String, Value>) -> String {
    let Some((before, rest)) = text.split_once('<') else {
        return text.to_owned();
    };
    let (placeholder, after) = rest
        .split_once('>')
        .unwrap_or_else(|| panic!("open placeholder in {text}"));
    let count = bound.len();
    let sample = bound
        .entry(placeholder.to_owned())
        .or_insert_with(|| Value::String(sample(placeholder, count)));
    let sample = sample.as_str().unwrap_or_default().to_owned();
    format!("{before}{sample}{}", fill_text(after, bound))
}

fn sample(placeholder: &str, number: usize) -> String {
    let (kind, name) = placeholder
        .split_once(':')
        .unwrap_or_else(|| panic!("<{placeholder}>"));
    match kind {
        "uuid" => format!("04013f0f-25bb-4082-a02f-{number:012x}"),
        "session" => format!("2a5d9b1c-7e44-93aa-1f0e-{number:012x}"),
        "account" => format!("{name}@sylk.test"),
        "ha1" => "884edfee38ed471b8a15006700139485".to_owned(),
        "name" => "Bob \"the phone\" Müller".to_owned(),
        "call-id" => format!("a84b4c76e66710-{number}@pc33.sylk.test"),
        "sdp" => format!(
            "v=0\r\no=- {number} 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=sendrecv\r\n"
        ),
        "reason" => format!("{name} For Some Reason"),
        "candidate" => {
            format!("candidate:{number} 1 udp 2122260223 127.0.0.1 46154 typ host generation 0")
        }
        _ => panic!("unknown placeholder <{placeholder}>"),
    }
}
