//! The corpora of the fuzz targets, replayed on an ordinary compiler, and random bytes.

use std::path::Path;

use proptest::prelude::*;
use sip_stack::message::fuzz;

type Target = fn(&[u8]);

/// The name of each target's corpus and what it runs.
const TARGETS: [(&str, Target); 6] = [
    ("sip_datagram", fuzz::datagram),
    ("sip_stream", fuzz::stream),
    ("sip_uri", fuzz::uri),
    ("sip_name_addr", fuzz::name_addr),
    ("sip_via", fuzz::via),
    ("sip_challenge", fuzz::challenge),
];

#[test]
fn every_seed_keeps_the_promises_of_its_decoder() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in TARGETS {
        let mut seeds = 0;
        for entry in std::fs::read_dir(corpora.join(name)).unwrap() {
            target(&std::fs::read(entry.unwrap().path()).unwrap());
            seeds += 1;
        }
        assert!(seeds > 0, "{name} has no seeds");
    }
}

#[test]
fn every_torture_message_keeps_the_promises_of_every_decoder() {
    let torture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    for entry in std::fs::read_dir(torture).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for (_, target) in TARGETS {
            target(&bytes);
            bytes.split(|byte| *byte == b'\n').for_each(target);
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_break_no_decoder(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (_, target) in TARGETS {
            target(&bytes);
        }
    }

    #[test]
    fn a_spoilt_message_breaks_no_decoder(
        which in 0..usize::MAX,
        changes in prop::collection::vec((any::<prop::sample::Index>(), spoiling()), 1..8),
    ) {
        let torture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
        let mut paths: Vec<_> = std::fs::read_dir(torture)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "sip"))
            .collect();
        paths.sort();
        let mut bytes = std::fs::read(&paths[which % paths.len()]).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            match byte {
                Some(byte) => bytes[at] = byte,
                None => drop(bytes.remove(at)),
            }
        }
        fuzz::datagram(&bytes);
        fuzz::stream(&bytes);
    }
}

/// A byte that means something to the grammar, or none to take one away.
fn spoiling() -> impl Strategy<Value = Option<u8>> {
    prop::sample::select(b"\r\n \t\"\\<>;:,=?@[]%/0\0\xff".to_vec())
        .prop_map(Some)
        .boxed()
        .prop_union(Just(None).boxed())
}
