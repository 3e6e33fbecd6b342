//! What the fuzz targets run, one function for each decoder; the ordinary tests replay their
//! corpora. Each panics if the decoder breaks a promise.

use super::{Framed, Framer, Message, NameAddr, Uri, Via};
use crate::digest::{Authorization, Challenge, NonceState};

/// A datagram: whatever is accepted is printed, read again and printed the same.
pub fn datagram(bytes: &[u8]) {
    let Ok(message) = Message::parse_datagram(bytes) else {
        return;
    };
    let printed = message.to_bytes();
    let again = Message::parse_datagram(&printed).expect("what was printed can be read");
    assert_eq!(again.body(), message.body());
    assert_eq!(again.to_bytes(), printed);
}

/// A stream, cut into pieces as its first byte says: the cuts do not change what is found.
pub fn stream(bytes: &[u8]) {
    let Some((&size, bytes)) = bytes.split_first() else {
        return;
    };
    let whole = frames(bytes, bytes.len().max(1));
    let pieces = frames(bytes, usize::from(size).max(1));
    assert_eq!(whole, pieces);
}

/// Everything but answers to keep-alives, whose number depends on the cuts.
fn frames(bytes: &[u8], size: usize) -> Vec<Result<Framed, super::FrameError>> {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    for piece in bytes.chunks(size) {
        framer.push(piece);
        while let Some(next) = framer.next() {
            if next != Ok(Framed::Pong) {
                found.push(next);
            }
        }
    }
    found
}

/// A URI: printed as it came, and equivalent to itself.
pub fn uri(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(uri) = Uri::parse(text) else {
        return;
    };
    assert_eq!(uri.to_string(), text);
    assert!(uri.is_equivalent(&uri));
    let bare = uri.without_headers();
    assert!(!bare.has_headers());
    if uri.is_sip() {
        let more = uri
            .with_param("x-fuzz", "a b")
            .expect("a SIP URI takes parameters");
        assert_eq!(more.param("x-fuzz").as_deref(), Some("a b"));
        assert_eq!(more.host(), uri.host());
    }
}

/// An address: whatever is accepted is printed and read again as the same.
pub fn name_addr(bytes: &[u8]) {
    if let Ok(address) = NameAddr::parse(&String::from_utf8_lossy(bytes)) {
        let printed = address.to_string();
        let again = NameAddr::parse(&printed).expect("what was printed can be read");
        assert_eq!(again, address);
    }
}

/// A Via value: whatever is accepted is printed and read again as the same.
pub fn via(bytes: &[u8]) {
    if let Ok(via) = Via::parse(&String::from_utf8_lossy(bytes)) {
        let again = Via::parse(&via.to_string()).expect("what was printed can be read");
        assert_eq!(again, via);
    }
}

/// A line of challenges: each is printed and read again as the same, and a NonceState lives
/// with whatever an Authentication-Info says.
pub fn challenge(bytes: &[u8]) {
    let line = String::from_utf8_lossy(bytes);
    for challenge in Challenge::parse_all(&line) {
        let again = Challenge::parse_all(&challenge.to_string());
        assert_eq!(again, std::slice::from_ref(&challenge));
        let mut state = NonceState::new(challenge);
        state.handle_authentication_info(&line);
    }
    // An answer is as foreign to us as a challenge.
    drop(Authorization::parse(&line));
}
