//! Streams: every cut gives the same messages, and no body is ever run as a request.

use proptest::prelude::*;
use sip_stack::message::{FrameError, Framed, Framer, MAX_BODY, MAX_HEAD, Malformed, Message};

use crate::{options_but, options_with};

#[test]
fn messages_are_found_however_the_stream_is_cut() {
    let stream = sample_stream();
    let whole = without_pongs(feed(&[&stream]));
    assert_eq!(whole.len(), 5);
    for at in 0..stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(without_pongs(feed(&[head, tail])), whole, "cut at {at}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(without_pongs(feed(&bytes)), whole);
}

proptest! {
    #[test]
    fn messages_are_found_in_any_chunks(sizes in prop::collection::vec(1_usize..200, 1..60)) {
        let stream = sample_stream();
        let mut rest = &stream[..];
        let mut chunks = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (chunk, after) = rest.split_at((*size).min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        prop_assert_eq!(without_pongs(feed(&chunks)), without_pongs(feed(&[&stream])));
    }

    #[test]
    fn any_stream_ends_in_messages_errors_or_silence(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)
    ) {
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        feed(&chunks);
    }
}

#[test]
fn a_double_line_break_asks_and_a_single_one_answers() {
    assert_eq!(feed(&[b"\r\n\r\n"]), [Ok(Framed::Ping)]);
    assert_eq!(feed(&[b"\r\n"]), [Ok(Framed::Pong)]);
    assert_eq!(feed(&[b"\r\n", b"\r\n"]).last(), Some(&Ok(Framed::Ping)));
    assert_eq!(
        feed(&[b"\r", b"\n\r", b"\n"]).last(),
        Some(&Ok(Framed::Ping))
    );
    assert_eq!(
        feed(&[b"\r\n\r\n", b"\r\n\r\n"]),
        [Ok(Framed::Ping), Ok(Framed::Ping)]
    );
}

#[test]
fn a_length_in_any_legal_spelling_ends_the_body() {
    for spelling in [
        "Content-Length : 97",
        "content-length\t:\t0097",
        "l:97",
        "L :\r\n  97",
        "Content-Length: 97\r\nl: 97",
    ] {
        let mut stream = options_but("Content-Length", spelling);
        stream.extend(inner_request(97));
        stream.extend(options_with("X-Next: yes\r\n"));
        let found = feed(&[&stream]);
        assert_eq!(found.len(), 2, "{spelling}");
        let Ok(Framed::Message(Message::Request(first))) = &found[0] else {
            panic!("{spelling}: {:?}", found[0]);
        };
        assert_eq!(first.body, inner_request(97));
    }
}

#[test]
fn a_stream_whose_lengths_cannot_be_trusted_is_lost_with_all_that_follows() {
    for (line, why) in [
        ("X-No-Length: 1", Malformed::NoContentLength),
        (
            "Content-Length: 10\r\nContent-Length: 97",
            Malformed::ContentLength,
        ),
        ("Content-Length: 97\r\nl: 0", Malformed::ContentLength),
        ("Content-Length: -1", Malformed::ContentLength),
        ("Content-Length: 97, 97", Malformed::ContentLength),
        ("Content-Length:", Malformed::ContentLength),
        (
            "Content-Length: 18446744073709551615",
            Malformed::BodyTooLarge,
        ),
        (
            "Content-Length: 18446744073709551617",
            Malformed::BodyTooLarge,
        ),
        ("Content-Length 97", Malformed::HeaderLine),
        (
            "Content-Length\u{a0}: 97\r\nContent-Length: 0",
            Malformed::HeaderLine,
        ),
        (
            "X: y\nContent-Length: 97\r\nContent-Length: 0",
            Malformed::HeaderLine,
        ),
    ] {
        let mut stream = options_but("Content-Length", line);
        stream.extend(inner_request(97));
        stream.extend(options_with(""));
        let found = feed(&[&stream]);
        let [Err(FrameError::Lost(error))] = &found[..] else {
            panic!("{line}: {found:?}");
        };
        assert_eq!(*error.malformed(), why, "{line}");
        assert!(error.salvage().is_some(), "{line}");
    }
}

#[test]
fn a_malformed_message_of_known_length_does_not_end_the_stream() {
    let mut stream = options_but("CSeq", "CSeq: 1 INVITE");
    stream.extend(options_with(""));
    let found = feed(&[&stream]);
    let [Err(FrameError::Malformed(error)), Ok(Framed::Message(_))] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(*error.malformed(), Malformed::MethodMismatch);
}

#[test]
fn a_head_or_a_body_without_end_is_given_up() {
    let mut framer = Framer::new();
    framer.push(b"OPTIONS sip:a@b SIP/2.0\r\nX: ");
    let mut pushed = 0;
    let lost = loop {
        framer.push(&[b'y'; 1024]);
        pushed += 1024;
        assert!(pushed <= MAX_HEAD + 1024);
        if let Some(found) = framer.next() {
            break found;
        }
    };
    assert!(lost.is_err_and(|error| error.is_fatal()));
    framer.push(&options_with(""));
    assert_eq!(framer.next(), None);
    assert!(!framer.is_partial());

    let mut framer = Framer::new();
    framer.push(&vec![b'x'; 2 * (MAX_HEAD + MAX_BODY)]);
    assert!(framer.next().is_some_and(|found| found.is_err()));
}

#[test]
fn only_part_of_a_message_makes_the_framer_wait() {
    let mut framer = Framer::new();
    assert!(!framer.is_partial());
    framer.push(b"OPT");
    assert_eq!(framer.next(), None);
    assert!(framer.is_partial());
    framer.push(&options_with("")[3..]);
    assert!(framer.next().is_some());
    assert!(!framer.is_partial());
}

#[test]
fn something_that_is_not_sip_is_refused_at_its_first_empty_line() {
    let found = feed(&[b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"]);
    assert!(matches!(&found[..], [Err(FrameError::Lost(_))]));
}

/// Two requests with a body between them, a question, and a malformed message.
fn sample_stream() -> Vec<u8> {
    let mut stream = options_with("");
    let mut second = options_but("Content-Length", "l: 97");
    second.extend(inner_request(97));
    stream.extend(second);
    stream.extend(b"\r\n\r\n");
    stream.extend(options_but("CSeq", "CSeq: 1 INVITE"));
    stream.extend(options_with("Subject: last,\r\n folded\r\n"));
    stream
}

/// A body that would be a request, if anybody took it for one.
fn inner_request(length: usize) -> Vec<u8> {
    let mut body =
        b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nContent-Length: 0\r\n\r\n".to_vec();
    body.resize(length, b'x');
    body
}

fn feed(chunks: &[&[u8]]) -> Vec<Result<Framed, FrameError>> {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        while let Some(next) = framer.next() {
            found.push(next);
        }
    }
    found
}

/// A line break at the end of a chunk counts as an answer at once; how many there are
/// depends on the cuts, and an answer that nobody waits for means nothing.
fn without_pongs(found: Vec<Result<Framed, FrameError>>) -> Vec<Result<Framed, FrameError>> {
    found
        .into_iter()
        .filter(|next| *next != Ok(Framed::Pong))
        .collect()
}
