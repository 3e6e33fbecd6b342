//! Escapes in URIs: `%` and two hexadecimal digits (RFC 3261 section 25.1).

use std::borrow::Cow;

/// The text with its escapes decoded. A `%` without two digits stays; octets that do not
/// make UTF-8 become U+FFFD.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = match bytes.get(at..at + 3) {
            Some(&[b'%', high, low]) => hex(high).zip(hex(low)),
            Some(_) | None => None,
        };
        match escaped {
            Some((high, low)) => {
                plain.push(high << 4 | low);
                at += 3;
            }
            None => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|n| u8::try_from(n).ok())
}

/// Appends the text, with every byte escaped that is neither unreserved nor in `also`.
pub(super) fn encode(into: &mut String, text: &str, also: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) || also.contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(char::from(HEX[usize::from(byte >> 4)]));
            into.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// What a user part may hold beside the unreserved characters.
pub(super) const USER: &[u8] = b"&=+$,;?/";
/// What a password may hold beside the unreserved characters.
pub(super) const PASSWORD: &[u8] = b"&=+$,";
/// What a parameter may hold beside the unreserved characters.
pub(super) const PARAM: &[u8] = b"[]/:&+$";
/// What a header behind `?` may hold beside the unreserved characters.
pub(super) const HEADER: &[u8] = b"[]/?:+$";
