//! The small pieces of RFC 3261 section 25.1 that every reader needs: tokens, white space,
//! quoted strings, and lists that respect both quotes and angle brackets.

use std::borrow::Cow;
use std::ops::Range;

/// May stand in a `token`.
const TOKEN: u8 = 1;
/// May stand in the name of a host.
const HOST: u8 = 2;
/// May not stand in a URI or a Call-ID: a control character or white space.
const STRAY: u8 = 4;
/// May not stand in a URI either: it ends one, or begins a quote.
const BRACKET: u8 = 8;
/// Part of a character beyond ASCII, to be looked at as such.
const BEYOND: u8 = 16;

/// What each byte may be part of.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        let alphanumeric = byte.is_ascii_alphanumeric();
        let class = &mut classes[byte as usize];
        if alphanumeric
            || matches!(
                byte,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            )
        {
            *class |= TOKEN;
        }
        if alphanumeric || matches!(byte, b'-' | b'.' | b'_') {
            *class |= HOST;
        }
        if byte <= b' ' || byte == 0x7f {
            *class |= STRAY;
        }
        if matches!(byte, b'<' | b'>' | b'"') {
            *class |= BRACKET;
        }
        byte += 1;
    }
    let mut beyond = 128;
    while beyond < 256 {
        classes[beyond] = BEYOND;
        beyond += 1;
    }
    classes
};

/// Whether this byte may stand in a `token`.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & TOKEN != 0
}

/// Whether the whole text is a `token`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Whether this byte may stand in the name of a host. Underscores are no part of names by
/// the book, and of those in private networks.
pub(crate) fn is_host_byte(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & HOST != 0
}

/// Whether there is a control character or white space in the text.
pub(crate) fn has_stray(text: &str) -> bool {
    has_class(text, STRAY)
}

/// As [`has_stray`], or an angle bracket or a double quote.
pub(crate) fn has_stray_or_bracket(text: &str) -> bool {
    has_class(text, STRAY | BRACKET)
}

fn has_class(text: &str, wanted: u8) -> bool {
    let classes = text.bytes().map(|byte| CLASSES[usize::from(byte)]);
    let found = classes.fold(0, |found, class| found | class);
    let stray = |c: char| c.is_control() || c.is_whitespace();
    found & wanted != 0 || found & BEYOND != 0 && text.contains(stray)
}

/// Where the first of these bytes is.
pub(crate) fn find_byte(text: &str, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    text.bytes().position(wanted)
}

/// Linear white space, once lines are unfolded.
pub(crate) fn is_lws(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// The text without white space around it.
pub(crate) fn trim(text: &str) -> &str {
    trim_start(text).trim_end_matches(is_lws)
}

/// The text without white space before it.
pub(crate) fn trim_start(text: &str) -> &str {
    text.trim_start_matches(is_lws)
}

/// The bytes without white space around them.
pub(crate) fn trim_bytes(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// A decimal number that fits into 32 bits. Leading zeros are allowed, a sign is not.
pub(crate) fn parse_number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// As [`parse_number`], but a number too large to hold is the largest one
/// (RFC 3261 section 20 asks this of delta-seconds).
pub(crate) fn parse_saturating(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u32::MAX))
}

/// Splits at a separator that stands outside of quoted strings and angle brackets. A quote
/// or bracket that never closes makes all that follows one piece.
pub(crate) fn split_outside(bytes: &[u8], separator: u8) -> impl Iterator<Item = Range<usize>> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let end = piece_end(bytes, start, separator);
        next = (end < bytes.len()).then_some(end + 1);
        Some(start..end)
    })
}

/// Where the piece that begins here ends: at a separator, or with the text.
pub(crate) fn piece_end(bytes: &[u8], start: usize, separator: u8) -> usize {
    let (mut quoted, mut angled) = (false, false);
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' if !angled => quoted = !quoted,
            b'<' if !quoted => angled = true,
            b'>' if !quoted => angled = false,
            _ if byte == separator && !quoted && !angled => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The end of the quoted string that the text begins with: the index just after the
/// closing quote.
pub(crate) fn quoted_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// What a quoted string says, without the quotes and escapes; other text is itself.
pub(crate) fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            _ => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

/// The text as a quoted string.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if c == '"' || c == '\\' {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Whether the text holds what may never be printed into a header: CR, LF or NUL.
pub(crate) fn breaks_lines(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}
