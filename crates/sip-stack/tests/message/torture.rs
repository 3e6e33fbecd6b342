//! The messages of RFC 4475 and RFC 5118, each against its line in `torture/verdicts.tsv`.
//!
//! A line holds the name of a file, `accept` or `refuse`, and either the fields that must be
//! read, or why the message is refused and with what it is answered.

#[path = "../../examples/dissect/fields.rs"]
mod fields;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sip_stack::message::Message;

#[test]
fn every_torture_message_gets_its_verdict() {
    let table = std::fs::read_to_string(directory().join("verdicts.tsv")).unwrap();
    let wrong: Vec<String> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, expected) = line.split_once('\t').unwrap();
            let found = verdict(&read(name));
            (found != expected)
                .then(|| format!("{name}\n  expected {expected}\n  found    {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_torture_message_is_in_the_table() {
    let table = std::fs::read_to_string(directory().join("verdicts.tsv")).unwrap();
    let listed: BTreeSet<String> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect();
    let present: BTreeSet<String> = names().collect();
    assert_eq!(listed, present);
    assert_eq!(present.len(), 49 + 12);
}

#[test]
fn an_accepted_torture_message_survives_printing() {
    for name in names() {
        let Ok(message) = Message::parse_syntax(&read(&name)) else {
            continue;
        };
        let again = Message::parse_syntax(&message.to_bytes()).unwrap();
        assert_eq!(again.to_bytes(), message.to_bytes(), "{name}");
        assert_eq!(fields::of(&again), fields::of(&message), "{name}");
        assert_eq!(again.body(), message.body(), "{name}");
    }
}

#[test]
fn no_beginning_of_a_torture_message_panics_or_is_taken_for_a_longer_one() {
    for name in names() {
        let whole = read(&name);
        for end in 0..whole.len() {
            if let Ok(message) = Message::parse_syntax(&whole[..end]) {
                assert!(message.body().len() < end, "{name}");
            }
        }
    }
}

fn verdict(datagram: &[u8]) -> String {
    match Message::parse_datagram(datagram) {
        Ok(message) => fields::of(&message)
            .into_iter()
            .fold("accept".to_owned(), |line, (name, value)| {
                format!("{line}\t{name}={value}")
            }),
        Err(error) => match error.salvage() {
            Some(salvage) => format!("refuse\t{error}\tanswer {}", salvage.status()),
            None => format!("refuse\t{error}\tdrop"),
        },
    }
}

fn names() -> impl Iterator<Item = String> {
    std::fs::read_dir(directory()).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let is_message = path.extension().is_some_and(|extension| extension == "sip");
        is_message.then(|| path.file_stem().unwrap().to_str().unwrap().to_owned())
    })
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(directory().join(format!("{name}.sip"))).unwrap()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture")
}
